"""Pictures of every page, at three widths and in both themes: `make screenshots`.

They are written to test-artifacts/screenshots; those of the README are cut from them into docs/images.
"""

from __future__ import annotations

import re

import cv2
import pytest
from browser import SECONDS
from conftest import Stack
from playwright.sync_api import Browser, Page, expect
from scenery import NAME, furnish

from app.config import CHECKOUT

FOLDER = CHECKOUT / "test-artifacts" / "screenshots"
README = ("predict", "bulk", "data", "train", "models", "monitor")
VIEWS = [(width, theme) for width in (360, 1280, 1920) for theme in ("light", "dark")]


@pytest.mark.timeout(900)
def test_screenshots(chromium: Browser, stack: Stack) -> None:
    """Furnish the product once, then take every picture."""
    jobs = furnish(stack.url)
    pages = {
        "home": "/", "predict": f"/predict?classifier={NAME}", "bulk": f"/bulk?job={jobs['bulk']}&classifier={NAME}",
        "data": f"/data?classifier={NAME}", "train": f"/train?job={jobs['retrain']}",
        "models": f"/models?classifier={NAME}&version=2&against=1", "monitor": f"/monitor?classifier={NAME}",
        "empty": "/data?classifier=cat_dog", "docs": "/docs", "login": "/login", "lost": "/nowhere",
    }  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width, theme in VIEWS:
        context = chromium.new_context(
            base_url=stack.url, viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
        )  # fmt: skip
        for name, path in pages.items():
            page = context.new_page()
            show(page, name, path)
            page.screenshot(path=FOLDER / f"{name}-{width}-{theme}.png", full_page=True)
            if name in README and (width, theme) == (1280, "light"):
                page.screenshot(path=FOLDER / f"{name}.png")
            page.close()
        context.close()
    for name in README:
        picture = cv2.imread(str(FOLDER / f"{name}.png"))
        assert picture is not None
        assert cv2.imwrite(str(CHECKOUT / "docs" / "images" / f"{name}.webp"), picture, (cv2.IMWRITE_WEBP_QUALITY, 90))


def show(page: Page, name: str, path: str) -> None:
    """Open a page and wait until all of it is there, pictures below the fold too."""
    page.goto(path, wait_until="networkidle")
    if name == "predict":
        page.get_by_role("button", name="Glaucoma").click()
        expect(page.locator(".decision")).to_be_visible()
    if name == "models":
        expect(page.locator("#differences")).to_contain_text(re.compile(r"images? of \d+"), timeout=60 * SECONDS)
    for canvas in page.locator(".chart canvas:visible").all():
        canvas.scroll_into_view_if_needed()  # it is drawn when it comes near the screen
        expect(canvas).to_have_attribute("style", re.compile("display"))
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("document.querySelectorAll('img').forEach((img) => (img.loading = 'eager'))")
    page.evaluate("Promise.allSettled([...document.images].map((img) => img.decode()))")
