"""A real browser for the tests of the pages. In every test, it must have no complaint."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Stack
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WITH_KEYS = pytest.mark.parametrize("page", ["none", "keys"], indirect=True)
SECONDS = 1000  # Playwright counts in milliseconds


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("The browser tests need Chromium; on Debian: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A fresh visitor's page; WITH_KEYS gives one who has signed in, too.

    At its end: no script broke, nothing was blocked, no icon is missing.
    """
    keys = getattr(request, "param", "none") == "keys"
    stack: Stack = request.getfixturevalue("locked_stack" if keys else "stack")
    context = chromium.new_context(base_url=stack.url, viewport={"width": 1280, "height": 900})
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    if keys:
        sign_in(page, stack)
    yield page
    sheet = set(re.findall(r'id="([^"]+)"', page.request.get("/assets/icons.svg").text()))
    used = page.evaluate("[...document.querySelectorAll('use')].map((use) => use.href.baseVal.split('#')[1])")
    context.close()
    # The browser itself reports every answer of 400 and above, also those that a page expects and shows.
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []
    assert set(used) <= sheet


def sign_in(page: Page, stack: Stack, wanted: str = "/") -> None:
    """Ask for a page, be led to the login, and go in with the stack's key."""
    page.goto(wanted)
    page.get_by_label("Key").fill(stack.key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(wanted)


def barriers(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical on the page as it stands."""
    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html']}" for each in grave for node in each["nodes"]]
