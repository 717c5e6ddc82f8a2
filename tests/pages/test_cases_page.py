"""Answers are found again and reviewed in a browser."""

from __future__ import annotations

import pytest
from browser import barriers, sign_in
from conftest import Stack
from playwright.sync_api import Browser, Page, expect

from app.drawing import draw

EYE = draw("fundus_glaucoma", 11, 128).jpeg()


def _ask(page: Page, name: str, patient: str, classifier: str = "glaucoma") -> str:
    image = {"name": name, "mimeType": "image/jpeg", "buffer": EYE}
    form = {"file": image, "classifier": classifier, "patient": patient, "eye": "left"}
    given = page.request.post("/api/predict", multipart=form)  # type: ignore[arg-type]  # strings and a file
    assert given.status == 200
    return str(given.json()["id"])


def test_an_answer_is_found_by_its_patient_and_reviewed(page: Page) -> None:
    asked = _ask(page, "smith_left.jpg", "Smith-4711")
    _ask(page, "cat.jpg", "Tom", "cat_dog")
    page.goto("/cases")
    expect(page.locator("#rows tr").nth(1)).to_be_visible()
    page.get_by_label("File or patient").fill("4711")
    expect(page.locator("#rows tr")).to_have_count(1)
    assert "q=4711" in page.url
    page.get_by_role("button", name="View smith_left.jpg").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Review")).to_be_visible()
    assert f"answer={asked}" in page.url
    dialog.get_by_label("Your name").fill("Ada")
    dialog.get_by_label("Note").fill("The disc is pale.")
    dialog.get_by_role("group", name="Your verdict").get_by_role("button", name="Right").press("Enter")
    expect(dialog.locator(".review li")).to_contain_text("Ada")
    expect(dialog.locator(".review li")).to_contain_text("The disc is pale.")
    assert barriers(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#rows tr")).to_contain_text("Right")
    expect(page.locator("#reviewers")).to_contain_text("Ada")
    page.goto(f"/cases?answer={asked}")  # the address of the answer
    expect(page.get_by_role("dialog")).to_contain_text("The disc is pale.")
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.locator(".review li")).to_have_count(0)


def test_a_search_without_an_answer_says_so(page: Page) -> None:
    page.goto("/cases?q=nobody-has-this-name")
    expect(page.get_by_text("No such answers.")).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(0)


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1280, "dark")])
def test_the_page_is_open_to_everybody(page: Page, width: int, theme: str) -> None:
    _ask(page, "smith_left.jpg", "Smith")
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(f"localStorage.setItem('fovea-theme', '{theme}')")
    page.goto("/cases", wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert barriers(page) == []


def test_the_key_is_the_reviewer(chromium: Browser, locked_stack: Stack) -> None:
    context = chromium.new_context(base_url=locked_stack.url)
    page = context.new_page()
    page.set_extra_http_headers({})
    sign_in(page, locked_stack, "/cases")
    asked = _ask(page, "jones.jpg", "Jones")
    page.goto(f"/cases?answer={asked}")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Your name")).to_have_count(0)
    dialog.get_by_role("button", name="Unsure").click()
    expect(dialog.locator(".review li")).to_contain_text("Unsure")
    context.close()
