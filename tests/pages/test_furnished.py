"""What must hold on every page of a product that is in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from browser import barriers
from conftest import running
from first_views import LIMIT, SHIFT, View, see, views
from playwright.sync_api import Browser, Page
from scenery import furnish

PAGES = ("home", "predict", "bulk", "data", "train", "models", "monitor")


@dataclass(frozen=True)
class Furnished:
    """A product in use: its address, and its pages."""

    url: str
    views: dict[str, View]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Furnished]:  # noqa: ARG001 - no browser, no stack
    with running(tmp_path_factory.mktemp("furnished")) as stack:
        yield Furnished(stack.url, views(furnish(stack.url)))


@pytest.fixture(params=[(360, "dark"), (1920, "light")], ids=str)
def visitor(chromium: Browser, furnished: Furnished, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Somebody who was never here, with a screen of some width and a theme."""
    width, theme = request.param
    context = chromium.new_context(base_url=furnished.url, viewport={"width": width, "height": 900}, color_scheme=theme)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.timeout(600)
def test_a_page_in_use_is_light_stands_still_fits_and_has_no_barrier(
    visitor: Page, furnished: Furnished, name: str
) -> None:
    seen = see(visitor, furnished.views[name])
    assert 30_000 < seen.size < LIMIT
    assert seen.shift < SHIFT
    assert visitor.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert barriers(visitor) == []
