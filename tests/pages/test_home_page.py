"""Home: what needs attention, and how far a figure can be trusted."""

from __future__ import annotations

import re

import cv2
from conftest import Stack
from playwright.sync_api import FilePayload, Page, Route, expect

from app.config import Settings
from app.drawing import draw
from app.factory import create_core
from app.store.db import db, now
from app.store.tables import Job

ENOUGH = 32  # predictions for a verdict on drift


def test_a_failed_job_is_shown_with_its_reason_until_the_next_succeeds(page: Page, stack: Stack) -> None:
    core = create_core(Settings(data_dir=stack.data_dir))
    with core.app_context():
        failed = Job(id="f" * 32, kind="audit", classifier="glaucoma", params={}, status="failed", stage="failed",
                     created_at=now(), started_at=now(), finished_at=now())  # fmt: skip
        failed.errors = [{"file": None, "reason": "The disk is full."}]
        db.session.add(failed)
        db.session.commit()
    page.goto("/")
    item = page.locator("#attention li", has_text="audit failed. The disk is full.")
    expect(item.get_by_role("link", name="View")).to_have_attribute("href", re.compile("/data.*job=f{32}"))


def test_drift_is_shown_and_leads_to_its_figures(page: Page) -> None:
    for seed in range(ENOUGH):
        night = draw("cat_face", seed, 96).image // 5
        dark = FilePayload(name="night.png", mimeType="image/png", buffer=cv2.imencode(".png", night)[1].tobytes())
        assert page.request.post("/api/predict", multipart={"classifier": "cat_dog", "file": dark}).ok
    page.goto("/")
    item = page.locator("#attention li", has_text="Cat or dog: recent images differ from the training images")
    expect(item).to_contain_text("recent images differ")
    item.get_by_role("link", name="View drift").click()
    expect(page.locator("#drift")).to_contain_text("Recent images differ from the training images.")


def test_a_figure_stands_beside_its_interval_and_its_number_of_test_images(page: Page) -> None:
    def few(route: Route) -> None:
        answer = route.fetch()
        card = answer.json()
        card["metrics"] |= {"n": 3, "accuracy": 1.0, "intervals": {"accuracy": [0.4385, 1.0]}}
        route.fulfill(response=answer, json=card)

    page.goto("/")
    card = page.locator('[data-classifier="glaucoma"]')
    expect(card).to_contain_text(re.compile(r"95 % interval [\d.]+ to [\d.]+"))
    expect(card).to_contain_text(re.compile(r"\d+ test images"))
    page.route("**/api/model-info?classifier=glaucoma", few)
    page.reload()
    expect(card).to_contain_text("95 % interval 43.9 to 100.0")
    expect(card.locator(".tone-warn")).to_have_text("Only 3 test images")
