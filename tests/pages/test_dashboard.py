"""Every page in a real browser, against the real stack: what must hold on all of them."""

from __future__ import annotations

import re

import pytest
from browser import SECONDS, WITH_KEYS, barriers, sign_in
from conftest import Stack
from first_views import LIMIT, SHIFT, WATCH_SHIFTS
from playwright.sync_api import Browser, Page, expect

PAGES = ("/", "/predict", "/bulk", "/data", "/train", "/models", "/monitor", "/classifiers", "/classifier", "/docs",
         "/login", "/nowhere")  # fmt: skip


@WITH_KEYS
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1920, "light")])
def test_every_page_fits_the_screen_stands_still_and_has_no_barrier(
    page: Page, path: str, width: int, theme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.add_init_script(WATCH_SHIFTS)
    page.goto(path, wait_until="networkidle")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    expect(page.locator("main#main")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert path == "/docs" or page.evaluate("window.shift") < SHIFT
    assert barriers(page) == []


def test_signing_in_returns_to_the_page_that_was_asked_for(chromium: Browser, locked_stack: Stack) -> None:
    context = chromium.new_context(base_url=locked_stack.url)
    page, failed = context.new_page(), []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    sign_in(page, locked_stack, "/models?classifier=glaucoma")
    expect(page.locator("#classifier")).to_have_value("glaucoma")
    page.wait_for_load_state("networkidle")  # a call under way would be refused once the session has ended
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("/login")
    page.goto("/monitor")
    page.wait_for_url("/login?next=/monitor")
    assert failed == []
    context.close()


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/docs"])  # Swagger UI alone is 500 kB
def test_the_first_view_of_a_page_is_light(page: Page, path: str) -> None:
    network, sizes = page.context.new_cdp_session(page), [0]
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(path, wait_until="networkidle")
    assert 1000 < sum(sizes) < LIMIT


@pytest.mark.parametrize("path", ["/predict", "/bulk", "/data", "/train", "/models", "/monitor"])
def test_a_lost_connection_is_said_in_a_sentence_with_a_way_on(page: Page, path: str) -> None:
    page.route("**/api/**", lambda route: route.abort())
    page.goto(path)
    problem = page.get_by_role("alert").first
    expect(problem).to_contain_text("Fovea cannot be reached. Check that it is running and that you are online.")
    page.unroute("**/api/**")
    problem.get_by_role("button", name="Try again").press("Enter")
    expect(page.get_by_text("Fovea cannot be reached")).to_have_count(0)
    expect(page.locator("#classifier")).to_be_enabled()


def test_the_chosen_theme_is_kept(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Dark theme").click()
    page.goto("/monitor")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")


def test_a_wrong_address_leads_home(page: Page) -> None:
    page.goto("/nowhere")
    expect(page.get_by_role("alert")).to_contain_text("/nowhere")
    page.get_by_role("link", name="Go to Home").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image classifiers")


def test_the_keyboard_goes_past_the_menu_and_opens_it_on_a_telephone(page: Page) -> None:
    page.goto("/data")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Classifier")).to_be_focused()
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name="Open the menu").press("Enter")
    expect(page.get_by_role("link", name="Monitor")).to_be_visible()
    expect(page.locator("#menu")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Monitor")).to_be_hidden()


@pytest.mark.parametrize(
    ("path", "call"),
    [("/", "**/api/health"), ("/models", "**/challenger"), ("/monitor", "**/api/status")],
)
def test_a_page_in_a_hidden_tab_asks_for_nothing(page: Page, path: str, call: str) -> None:
    asked: list[str] = []
    page.clock.install()
    page.goto(path, wait_until="networkidle")
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(call):
        page.clock.run_for(6 * SECONDS)
    page.evaluate("""() => {
        Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.clock.run_for(60 * SECONDS)
    assert asked == []


def test_times_are_in_the_zone_of_the_viewer(chromium: Browser, page: Page) -> None:
    moments = []
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        context = chromium.new_context(
            base_url=page.context.request.get("/livez").url.removesuffix("/livez"), timezone_id=zone
        )
        seen = context.new_page()
        seen.goto("/models?classifier=glaucoma")
        moment = seen.locator("#moves time").last
        expect(moment).to_have_text(re.compile(r"\d{4}"))
        moments.append((moment.get_attribute("datetime"), moment.inner_text()))
        context.close()
    assert moments[0][0] == moments[1][0]
    assert moments[0][1] != moments[1][1]
