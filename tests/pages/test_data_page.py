"""The images of a dataset on the page Data: found, selected, changed and put back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browser import barriers
from playwright.sync_api import Page, expect
from test_work import JOB, file, upload

from app.drawing import draw
from app.store.db import new_id

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def name(page: Page) -> str:
    """A classifier of this test alone: others add images, too."""
    made = f"retina_{new_id()[:8]}"
    answer = page.request.post("/api/classifiers", data={"name": made, "classes": ["dr", "no_dr"]})
    assert answer.status == 201, answer.text()
    return made


def fill(page: Page, name: str, count: int) -> None:
    """Have so many images of each class."""
    for label, subject in (("dr", "fundus_diabetic_retinopathy"), ("no_dr", "fundus_normal")):
        upload(page, name, subject, label, count)


def changed(page: Page) -> str:
    """Return what the bar says once a change is done."""
    message = page.locator("#change-message")
    expect(message.get_by_role("button", name="Undo")).to_be_visible()
    return message.inner_text()


def test_images_are_found_selected_and_changed_and_the_change_is_undone(page: Page, name: str) -> None:
    fill(page, name, 12)
    page.goto(f"/data?classifier={name}")
    images = page.locator("#images [role=option]")
    expect(images).to_have_count(16)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(images).to_have_count(24)
    page.get_by_label("Search file names").fill("no_dr-1")  # 1, 10 and 11
    expect(images).to_have_count(3)
    expect(page.get_by_role("button", name="Relabel")).to_be_disabled()
    images.nth(0).click()
    images.nth(2).click(modifiers=["Shift"])
    expect(page.locator("#selected-count")).to_have_text("3 selected")
    assert barriers(page) == []
    page.get_by_label("New label").select_option("dr")
    page.get_by_role("button", name="Relabel").click()
    assert "3 images relabelled" in changed(page)
    page.get_by_label("Filter by class").select_option("no_dr")
    expect(page.locator("#no-images")).to_contain_text("No image is like this")
    page.locator("#change-message").get_by_role("button", name="Undo").click()
    expect(page.locator("#change-message")).to_contain_text("3 images put back")
    expect(images).to_have_count(3)
    images.first.click()
    page.get_by_role("button", name="Remove", exact=True).click()
    assert "1 image removed" in changed(page)
    expect(images).to_have_count(2)
    page.locator("#change-message").get_by_role("button", name="Undo").click()
    expect(images).to_have_count(3)


def test_the_keyboard_alone_selects_and_moves_images(page: Page, name: str) -> None:
    fill(page, name, 12)
    page.goto(f"/data?classifier={name}")
    images = page.locator("#images [role=option]")
    expect(images).to_have_count(16)
    page.get_by_label("Tag to add or remove").focus()
    page.locator("#images [tabindex='0']").focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#selected-count")).to_have_text("2 selected")  # from the last one on
    page.keyboard.press("ArrowDown")
    expect(images.nth(2)).not_to_be_focused()
    page.keyboard.press("End")
    expect(images).to_have_count(24)  # the others come as one scrolls
    page.keyboard.press("Home")
    expect(images.nth(0)).to_be_focused()
    page.keyboard.press("Control+a")
    expect(page.locator("#selected-count")).to_have_text("24 selected")
    page.keyboard.press("Escape")
    expect(page.locator("#selected-count")).to_have_text("0 selected")
    page.keyboard.press("x")
    page.get_by_label("New split").select_option("test")
    page.get_by_role("button", name="Move", exact=True).press("Enter")
    assert "1 image moved" in changed(page)
    expect(images.nth(0)).to_contain_text("test")
    page.locator("#change-message").get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("#change-message")).to_contain_text("put back")


def test_a_finding_shows_its_images_and_is_repaired_beside_them(page: Page, name: str) -> None:
    drawing = draw("fundus_normal", 5, 256)
    for image, pixels in (("one.jpg", drawing.jpeg()), ("two.jpg", drawing.jpeg(80))):
        sent: dict[str, Any] = {"classifier": name, "label": "no_dr", "files": file(image, pixels)}
        assert page.request.post("/api/upload", multipart=sent).ok
    page.goto(f"/data?classifier={name}")
    page.locator("#audit").get_by_role("button", name=re.compile("Run the audit")).click()
    found = page.locator(".audit-finding", has_text="duplicates").first
    expect(found).to_be_visible(timeout=JOB)
    found.get_by_role("button", name="Show among the images").click()
    expect(page.locator("#images [role=option]")).to_have_count(2)
    assert barriers(page) == []
    page.get_by_role("button", name=re.compile("^Only: ")).click()
    found.get_by_role("button", name=re.compile("^Remove ")).first.click()
    expect(found).to_contain_text("1 image removed")
    found.get_by_role("button", name="Undo").click()
    expect(found).to_contain_text("1 image put back")
