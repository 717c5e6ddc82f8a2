"""The pages in a real browser, against the real stack. In every test, the browser must have no complaint."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator

import pytest
from conftest import Stack
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from app.classifiers.card import MEDICAL_NOTICE
from app.drawing import draw

PAGES = ("/", "/predict", "/bulk", "/train", "/models", "/monitor", "/docs", "/login")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
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
def page(chromium: Browser, stack: Stack) -> Iterator[Page]:
    """A fresh visitor's page. At its end: no script broke, nothing was blocked, no icon is missing."""
    context = chromium.new_context(base_url=stack.url, viewport={"width": 1280, "height": 900})
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    sheet = set(re.findall(r'id="([^"]+)"', page.request.get("/assets/icons.svg").text()))
    used = page.evaluate("[...document.querySelectorAll('use')].map((use) => use.href.baseVal.split('#')[1])")
    context.close()
    # The browser itself reports every answer of 400 and above, also those that a page expects and shows.
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []
    assert set(used) <= sheet


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1920, "light")])
def test_every_page_fits_the_screen_and_obeys_the_security_policy(
    page: Page, path: str, width: int, theme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(path, wait_until="networkidle")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    expect(page.locator("main#main")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unlabelled = "[...document.querySelectorAll('main :is(input, select)')].filter((field) => !field.labels.length)"
    assert path == "/docs" or page.evaluate(f"{unlabelled}.length") == 0


def test_a_sample_is_answered_by_the_keyboard_alone_beside_the_notice(page: Page) -> None:
    page.goto("/predict?classifier=glaucoma")
    page.get_by_role("button", name="Glaucoma").press("Enter")
    answer = page.get_by_role("article")
    expect(answer.locator(".decision-title")).to_have_text(re.compile("^(Refer|No referral|Uncertain|Cannot|Not this)"))
    expect(answer).to_contain_text(MEDICAL_NOTICE)
    expect(answer.get_by_role("list", name="Probability of each class")).to_contain_text(re.compile(r"\d.%"))
    answer.get_by_role("slider").press("Home")
    expect(answer.locator(".heat")).to_have_css("opacity", "0")
    answer.get_by_role("button", name="Yes").press("Enter")
    expect(answer.get_by_role("group", name="Was this right?")).to_contain_text("Thank you")


def test_a_file_that_is_no_image_is_refused_in_a_sentence(page: Page) -> None:
    page.goto("/predict")
    expect(page.get_by_role("button", name="Cataract")).to_be_visible()
    page.set_input_files("#files", {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"Dear diary"})
    expect(page.get_by_role("alert")).to_have_text(re.compile(r"no image that Fovea reads; send .+\.$"))


def test_a_bulk_run_goes_on_through_a_reload_and_its_answers_can_be_filtered(page: Page) -> None:
    page.goto("/bulk?classifier=cat_dog")
    expect(page.locator("#jobs")).not_to_be_empty()
    page.set_input_files("#files", {"name": "pets.zip", "mimeType": "application/zip", "buffer": _archive(24)})
    page.wait_for_url(re.compile(r"job=\w+"))
    page.reload()
    expect(page.locator("#job")).to_contain_text("Done in", timeout=60 * SECONDS)
    expect(page.locator("#rows tr")).to_have_count(25)
    page.get_by_label("Decision").select_option("error")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows")).to_contain_text("notes.jpg")
    table = page.request.get(page.get_by_role("link", name="Download CSV").get_attribute("href") or "")
    assert len(table.text().splitlines()) == 1 + 25


def test_labelled_images_join_the_dataset_and_what_is_refused_is_said(page: Page) -> None:
    page.goto("/train?classifier=cat_dog")
    expect(page.locator("#dataset")).not_to_be_empty()
    page.set_input_files("#files", {"name": "pets.zip", "mimeType": "application/zip", "buffer": _archive(4)})
    expect(page.locator("#upload").get_by_role("status")).to_contain_text("4 images added")
    expect(page.locator("#upload").get_by_role("alert")).to_contain_text("notes.jpg")
    expect(page.locator("#dataset")).to_contain_text("Validation")


def test_the_deep_audit_is_offered_runs_as_a_job_and_shows_what_it_found(page: Page) -> None:
    for number, (label, subject) in enumerate([("normal", "eye_normal"), ("cataract", "eye_cataract")] * 2):
        eye = FilePayload(name=f"{number}.jpg", mimeType="image/jpeg", buffer=draw(subject, number, 128).jpeg())
        assert page.request.post("/api/upload", multipart={"classifier": "cataract", "label": label, "files": eye}).ok
    page.goto("/train?classifier=cataract")
    audit = page.locator("#audit")
    expect(audit).to_contain_text("The deep audit has not been run")
    expect(audit).not_to_contain_text("nothing wrong")
    audit.get_by_role("button", name="Run the audit").click()
    expect(audit).to_contain_text(re.compile("Waiting|Running"))
    expect(audit).not_to_contain_text(re.compile("Waiting|Running|has not been run"), timeout=60 * SECONDS)
    assert page.request.get("/api/datasets/cataract/audit").json()["complete"]
    expect(audit.locator(".finding, .alert")).not_to_have_count(0)


def test_the_chosen_theme_is_kept(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Dark theme").click()
    page.goto("/monitor")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")


def test_a_wrong_address_leads_home(page: Page) -> None:
    page.goto("/nowhere")
    expect(page.get_by_role("alert")).to_contain_text("/nowhere")
    page.get_by_role("link", name="Go to the home page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image classifiers you can question")


def _archive(count: int) -> bytes:
    """Return a zip of drawn pets, cats and dogs in turn, and one file that is no image."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(count):
            kind = ("cat", "dog")[index % 2]
            archive.writestr(f"{kind}.{index}.jpg", draw(f"{kind}_face", 900 + index, 128).jpeg())
        archive.writestr("cat.notes.jpg" if count < 10 else "notes.jpg", b"no image")
    return buffer.getvalue()
