"""What people come for, on each page from its beginning to its end."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest
from browser import SECONDS, barriers
from conftest import Stack
from playwright.sync_api import FilePayload, Page, expect
from scenery import pack

from app.classifiers.card import MEDICAL_NOTICE
from app.config import Settings
from app.drawing import draw
from app.factory import EXTENSION, create_core

Fields = dict[str, str | float | bool | bytes | FilePayload]
JOB = 240 * SECONDS  # patience with a job, on a busy machine

pytestmark = pytest.mark.timeout(600)


def file(name: str, data: bytes) -> FilePayload:
    return FilePayload(name=name, mimeType="application/octet-stream", buffer=data)


def pets(count: int, first: int) -> FilePayload:
    """A zip of drawn cats and dogs in turn, and one file that is no image."""
    kinds = [("cat", "dog")[index % 2] for index in range(count)]
    drawn = [(f"{kind}.{n}.jpg", draw(f"{kind}_face", first + n, 128).jpeg()) for n, kind in enumerate(kinds)]
    return file("pets.zip", pack([*drawn, ("notes.jpg", b"no image")]))


def upload(page: Page, classifier: str, subject: str, label: str, count: int, split: str = "") -> None:
    """Add so many drawings of a subject to a dataset, over HTTP."""
    drawn = pack((f"{label}-{n}.jpg", draw(subject, 100 + n, 128).jpeg()) for n in range(count))
    sent: Fields = {"classifier": classifier, "label": label, "split": split, "files": file("drawn.zip", drawn)}
    assert page.request.post("/api/upload", multipart=sent).ok


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
    expect(answer.get_by_role("group", name="Is this correct?")).to_contain_text("Thank you")
    assert barriers(page) == []


def test_several_images_are_answered_each_in_its_place_and_what_is_none_is_refused(page: Page) -> None:
    page.goto("/predict?classifier=cat_dog")
    expect(page.get_by_role("button", name="Cat")).to_be_visible()
    cats = [file(f"cat.{seed}.jpg", draw("cat_face", seed, 128).jpeg()) for seed in range(3)]
    page.set_input_files("#files", [cats[0], file("notes.jpg", b"Dear diary"), *cats[1:]])
    expect(page.locator("#results .decision")).to_have_count(3)
    expect(page.get_by_role("alert")).to_have_text(re.compile(r"not an image that Fovea reads; send .+\.$"))
    names = page.locator("#results > *").evaluate_all(
        "(all) => all.map((one) => one.textContent.match(/cat.\\d.jpg|notes.jpg/)[0])"
    )
    assert names == ["cat.0.jpg", "notes.jpg", "cat.1.jpg", "cat.2.jpg"]


def test_a_pasted_image_is_answered(page: Page) -> None:
    page.goto("/predict?classifier=cat_dog")
    expect(page.get_by_role("button", name="Cat")).to_be_visible()
    page.evaluate("""async () => {
        const picture = await (await fetch("/static/samples/cat_face.jpg")).blob();
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([picture], "pasted.jpg", { type: "image/jpeg" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
    }""")
    expect(page.get_by_role("article", name="Answer for pasted.jpg").locator(".decision")).to_be_visible()


def test_a_bulk_run_goes_on_through_a_reload_and_its_answers_can_be_filtered(page: Page) -> None:
    page.goto("/bulk?classifier=cat_dog")
    expect(page.locator("#jobs")).not_to_be_empty()
    page.set_input_files("#files", pets(30, 900))
    page.wait_for_url(re.compile(r"job=\w+"))
    page.reload()
    expect(page.locator("#job")).to_contain_text("Done in", timeout=JOB)
    expect(page.locator("#count")).to_have_text("1 to 25 of 31 images")
    expect(page.locator("#rows tr")).to_have_count(25)
    assert barriers(page) == []
    page.get_by_role("button", name="Next").press("Enter")
    expect(page.locator("#count")).to_have_text("26 to 31 of 31 images")
    expect(page.locator("#rows tr")).to_have_count(6)
    page.get_by_role("button", name=re.compile("^Could not be read")).press("Enter")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows")).to_contain_text("notes.jpg")
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Could not be read"))).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#rows tr")).to_have_count(1)
    assert lines_behind(page, "Download CSV") == 1 + 31
    assert lines_behind(page, "Download filtered") == 1 + 1


def lines_behind(page: Page, link: str) -> int:
    """Count the lines of the table behind a link."""
    table = page.request.get(page.get_by_role("link", name=link).get_attribute("href") or "")
    return len(table.text().splitlines())


def test_the_answers_of_a_bulk_run_are_looked_at_one_after_the_other_and_judged_by_the_keyboard(page: Page) -> None:
    page.goto("/bulk?classifier=cat_dog")
    expect(page.locator("#jobs")).not_to_be_empty()
    page.set_input_files("#files", pets(4, 960))
    expect(page.locator("#job")).to_contain_text("Done in", timeout=JOB)
    page.goto(page.url.replace("cat_dog", "glaucoma"))
    expect(page.get_by_role("button", name="View cat.0.jpg")).to_be_visible()
    expect(page.get_by_label("Classifier")).to_have_value("cat_dog")  # it follows the run that is shown
    page.get_by_role("button", name="View cat.0.jpg").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("article", name="Answer for cat.0.jpg")).to_be_visible()
    expect(dialog.get_by_role("button", name="Previous")).to_be_disabled()
    dialog.get_by_role("button", name="Next").press("Enter")
    expect(dialog.get_by_role("article", name="Answer for cat.2.jpg")).to_be_visible()  # in natural order
    expect(dialog.get_by_role("button", name="Next")).to_be_focused()
    assert barriers(page) == []
    dialog.get_by_role("button", name="Yes").press("Enter")
    expect(dialog).to_contain_text("Thank you")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_run_that_is_gone_leads_to_those_that_are_there(page: Page) -> None:
    page.goto("/bulk?job=none")
    page.get_by_role("alert").get_by_role("link", name="Show all runs").press("Enter")
    page.wait_for_url(re.compile("/bulk$"))
    expect(page.locator("#empty")).to_contain_text("Drop images anywhere on this page to start one")


def test_labelled_images_join_the_dataset_and_what_is_refused_is_said(page: Page) -> None:
    page.goto("/data?classifier=cat_dog")
    expect(page.locator("#dataset")).not_to_be_empty()
    page.set_input_files("#files", pets(4, 800))
    expect(page.locator("#upload")).to_contain_text("What pets.zip holds is read after the upload.")
    page.get_by_role("button", name="Upload", exact=True).press("Enter")
    expect(page.locator("#upload").get_by_role("status")).to_contain_text("4 images added")
    expect(page.locator("#upload").get_by_role("alert")).to_contain_text("notes.jpg")
    expect(page.locator("#dataset")).to_contain_text("Validation")
    expect(page.locator("#images figure").first).to_contain_text("dog.3.jpg")
    page.get_by_label("Filter by class").select_option("cat")
    expect(page.locator("#images figure").first).to_contain_text("cat.2.jpg")
    expect(page.locator("#images")).not_to_contain_text("dog")


def test_a_dataset_is_explored_when_its_part_of_the_page_is_reached(page: Page) -> None:
    for number in range(6):
        name = ("cataract", "normal")[number % 2]
        image = {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": draw(f"eye_{name}", number, 96).jpeg()}
        sent: dict[str, Any] = {"files": image, "label": name, "classifier": "cataract"}
        assert page.request.post("/api/upload", multipart=sent).status == 201
    page.goto("/data?classifier=cataract")
    place = page.locator("#exploration")
    expect(page.locator("#images img").first).to_be_visible()
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("aria-busy", "false", timeout=JOB)
    expect(page.locator("#explored")).to_contain_text(re.compile(r"\d images"))
    expect(page.locator("#by-split")).to_contain_text("Cataract")
    assert page.locator("#samples img").count() >= 6 + 8
    expect(page.get_by_alt_text("The image as it is")).to_be_visible()
    assert barriers(page) == []


def test_an_audit_runs_on_through_a_reload_and_shows_what_it_found(page: Page) -> None:
    for label in ("normal", "cataract"):
        upload(page, "cataract", f"eye_{label}", label, 3)
    page.goto("/data?classifier=cataract")
    audit = page.locator("#audit")
    expect(audit).to_contain_text("The images have not been audited yet")
    audit.get_by_role("button", name="Run the audit").press("Enter")
    expect(audit).to_contain_text(re.compile("Waiting|Running"))
    page.reload()
    expect(audit.locator(".finding, .audit-finding").first).to_be_visible(timeout=JOB)
    expect(audit).not_to_contain_text(re.compile("Waiting|Running|not been audited"))
    assert page.request.get("/api/datasets/cataract/audit").json()["complete"]
    assert barriers(page) == []


def test_a_correction_is_confirmed_and_joins_the_dataset(page: Page) -> None:
    dog = file("rex.jpg", draw("dog_face", 777, 128).jpeg())
    asked = page.request.post("/api/predict", multipart={"classifier": "cat_dog", "file": dog}).json()
    assert page.request.post(f"/api/predictions/{asked['id']}/feedback", data={"label": "dog"}).ok
    page.goto("/")
    expect(page.locator("#attention")).to_contain_text("Cat or dog: ")
    page.goto("/data?classifier=cat_dog")
    waiting = page.locator("#feedback li").first
    waiting.get_by_role("button", name="Add as Dog").press("Enter")
    expect(waiting).to_contain_text("Added to the dataset")
    expect(page.locator("#images figure").first).to_contain_text("rex.jpg")


def test_a_run_is_timed_trained_and_judged_in_plain_words(page: Page) -> None:
    for label in ("normal", "glaucoma"):
        upload(page, "glaucoma", f"fundus_{label}", label, 20)
    page.goto("/train?classifier=glaucoma")
    expect(page.locator("#dataset")).to_contain_text("Glaucoma")
    page.get_by_label("Maximum epochs").fill("501")
    page.get_by_role("button", name="Start training").click()
    assert page.get_by_label("Maximum epochs").evaluate("(field) => !field.validity.valid")
    page.get_by_label("Maximum epochs").fill("1")
    page.get_by_label("After training").select_option("never")
    page.get_by_role("button", name="Start training").press("Enter")
    expect(page.locator("#job")).to_contain_text(re.compile("Waiting|Running"))
    page.reload()
    expect(page.locator("#verdict")).to_contain_text("is still serving", timeout=JOB)
    expect(page.locator("#verdict")).to_contain_text("Both versions predicted the same")
    expect(page.locator("#estimate")).to_have_text(re.compile(r"^About .+ based on an earlier run"))
    assert barriers(page) == []


@pytest.fixture
def second_version(stack: Stack) -> int:
    """A copy of the diabetic retinopathy model, as a further version that does not serve."""
    core = create_core(Settings(data_dir=stack.data_dir))
    with core.app_context():
        registry = core.extensions[EXTENSION].registry
        version = max(registry.versions("diabetic_retinopathy")) + 1
        folder = stack.data_dir / "models" / "diabetic_retinopathy"
        shutil.copytree(folder / "1", folder / str(version))
        registry.adopt("diabetic_retinopathy")
        return int(version)


def test_versions_are_compared_promoted_and_rolled_back_with_a_reason(page: Page, second_version: int) -> None:
    upload(page, "diabetic_retinopathy", "fundus_normal", "no_dr", 30, "test")
    page.goto(f"/models?classifier=diabetic_retinopathy&version={second_version}")
    page.get_by_label("Compare with").select_option("1")
    expect(page.locator("#detail-title")).to_have_text(f"Version {second_version} and version 1")
    expect(page.locator("#differences")).to_contain_text("0 images of 30")  # the two are the same network
    page.get_by_role("button", name=re.compile("predicted as No")).first.press("Enter")
    expect(page.locator("#cell")).to_contain_text(re.compile(r"\d+ images? of 30"))
    assert barriers(page) == []
    row = page.locator("#versions tr", has_text=f"Version {second_version}")
    row.get_by_role("button", name="Promote").press("Enter")
    page.get_by_role("dialog").get_by_label("Reason").fill("A better look at small vessels.")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Serving")
    expect(page.locator("#moves")).to_contain_text("A better look at small vessels.")
    page.get_by_role("button", name="Roll back").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").press("Enter")  # a reason is missing
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_label("Reason").fill("Not yet.")
    page.keyboard.press("Enter")
    expect(page.locator("#versions tr", has_text="Version 1")).to_contain_text("Serving")
    expect(page.locator("#moves")).to_contain_text("Not yet.")


def test_the_monitor_counts_over_the_time_chosen(page: Page) -> None:
    cat = file("tom.jpg", draw("cat_face", 5, 128).jpeg())
    assert page.request.post("/api/predict", multipart={"classifier": "cat_dog", "file": cat}).ok
    page.goto("/monitor?classifier=cat_dog")
    expect(page.locator("#recent img").first).to_be_visible()
    with page.expect_response(re.compile(r"/api/statistics\?.*hours=1$")):
        page.get_by_label("Period").select_option("1")
    expect(page.locator("#usage")).to_contain_text("By decision")
    page.reload()
    expect(page.get_by_label("Period")).to_have_value("1")
    assert barriers(page) == []
