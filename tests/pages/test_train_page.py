"""The Train page: one request starts one run, and what its errors advise can be done on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect
from scenery import pack

from app.drawing import draw

NAME = "cat_dog"


@pytest.fixture
def trainable(page: Page) -> Iterator[Page]:
    """The Train page of a classifier with enough images; its runs are cancelled at the end."""
    for label in ("cat", "dog"):
        drawn = pack((f"{label}-{n}.jpg", draw(f"{label}_face", 3000 + n, 96).jpeg()) for n in range(12))
        archive = FilePayload(name="drawn.zip", mimeType="application/zip", buffer=drawn)
        assert page.request.post("/api/upload", multipart={"classifier": NAME, "label": label, "files": archive}).ok
    page.goto(f"/train?classifier={NAME}")
    expect(page.locator("#dataset")).to_contain_text("Cat")
    page.get_by_label("Network").select_option("custom_cnn")
    page.get_by_label("Layers to train").select_option("full")
    page.get_by_label("Maximum epochs").fill("40")
    page.get_by_label("After training").select_option("never")
    yield page
    for job in page.request.get("/api/jobs?kind=retrain").json():
        if job["status"] in ("queued", "running"):
            page.request.delete(f"/api/jobs/{job['id']}")


def runs(page: Page) -> list[str]:
    return [job["id"] for job in page.request.get("/api/jobs?kind=retrain").json() if job["classifier"] == NAME]


def test_a_second_click_or_an_answer_that_got_lost_starts_no_second_run(trainable: Page) -> None:
    page, before = trainable, set(runs(trainable))
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        assert route.fetch().ok  # the server has the request, the browser never hears of it
        route.abort()

    page.route("**/api/retrain", lose_the_first)
    start = page.get_by_role("button", name="Start training")
    start.evaluate("(button) => { button.click(); button.click(); button.form.requestSubmit(); }")
    expect(page.get_by_role("alert")).to_contain_text("Fovea cannot be reached")
    start.click()
    expect(page.locator("#job")).to_contain_text(re.compile("Waiting|Running"))
    assert len(set(runs(page)) - before) == 1
    assert keys[0] == keys[1]
    assert len(keys) == 2
    expect(start).to_be_disabled()
    expect(page.locator("#estimate")).to_have_text("A run with these settings is in progress.")
    page.get_by_label("Maximum epochs").fill("41")
    expect(start).to_be_enabled()
    page.get_by_label("Maximum epochs").fill("40")
    expect(start).to_be_disabled()


def test_missing_weights_are_answered_with_a_choice_that_the_page_has(trainable: Page) -> None:
    page = trainable
    page.get_by_label("Network").select_option("vgg16")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("alert")).to_contain_text("weights 'none'")
    expect(page.get_by_role("alert").get_by_role("link", name="Add images")).to_have_count(0)
    expect(page.get_by_label("Initial weights").get_by_role("option", name="None (random)")).to_have_count(1)
    page.get_by_label("Initial weights").select_option("none")
    with page.expect_request("**/api/retrain") as asked, page.expect_response("**/api/retrain") as answered:
        page.get_by_role("button", name="Start training").click()
    assert (asked.value.post_data_json or {})["weights"] == "none"
    assert answered.value.status == 202
