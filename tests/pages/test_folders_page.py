"""Folders of images in the browser: their paths are kept, and a labelled one is shown before it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import SECONDS, barriers
from conftest import Stack, running
from playwright.sync_api import Page, Route, expect

from app.drawing import draw

JOB = 240 * SECONDS
LABELLED = 205  # images with a table: more than a part has
TABLE_CLASSES = ("0", "3")  # grades that are no_dr and dr

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A product of its own: what is uploaded here is counted."""
    with running(tmp_path_factory.mktemp("folders")) as started:
        yield started


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder of two patients, each with the same file name, and what Windows adds."""
    for number, patient in enumerate(("patient10", "patient2")):
        folder = tmp_path / "clinic" / patient
        folder.mkdir(parents=True)
        (folder / "left.jpg").write_bytes(draw("cat_face", 400 + number, 96).jpeg())
        (folder / "Thumbs.db").write_bytes(b"thumbnails")
    return tmp_path / "clinic"


def test_a_bulk_run_of_a_folder_shows_the_path_of_each_file(page: Page, clinic: Path) -> None:
    page.goto("/bulk?classifier=cat_dog")
    expect(page.locator("#jobs")).not_to_be_empty()
    page.set_input_files("#folder", clinic)
    expect(page.locator("#job")).to_contain_text("Done in", timeout=JOB)
    expect(page.locator("#job")).to_contain_text("2 images, 2 system files ignored")
    expect(page.locator("#rows th")).to_have_text(["clinic/patient2/left.jpg", "clinic/patient10/left.jpg"])
    page.get_by_role("button", name="View clinic/patient2/left.jpg").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("article", name="Answer for clinic/patient2/left.jpg")).to_be_visible()
    dialog.get_by_role("button", name="Next").press("Enter")
    expect(dialog.get_by_role("article", name="Answer for clinic/patient10/left.jpg")).to_be_visible()
    assert barriers(page) == []
    page.keyboard.press("Escape")
    table = page.request.get(page.get_by_role("link", name="Download CSV").get_attribute("href") or "").text()
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == [
        "clinic/patient2/left.jpg", "clinic/patient10/left.jpg",
    ]  # fmt: skip


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """A folder with train and test folders and one table of grades above both, for more images than a part has."""
    folder, lines = tmp_path / "graded", ["Image name,Retinopathy grade"]
    image = draw("fundus_normal", 7, 96).jpeg()
    for number in range(LABELLED):
        place = folder / ("test" if number % 5 == 0 else "train")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"eye{number}.jpg").write_bytes(
            image + number.to_bytes(4, "big")
        )  # what follows the image is not read
        lines.append(f"eye{number},{TABLE_CLASSES[number % 2]}")
    (folder / "train" / "unknown.jpg").write_bytes(image)
    (folder / "train" / "notes.txt").write_text("notes")
    (folder / "train" / ".DS_Store").write_bytes(b"system")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def test_a_labelled_folder_is_previewed_and_sent_in_parts_with_its_table_and_splits(page: Page, graded: Path) -> None:
    sent = fail_second_part_once(page)
    page.goto("/data?classifier=diabetic_retinopathy")
    expect(page.locator("#dataset")).not_to_be_empty()
    page.set_input_files("#folder", graded)
    preview = page.get_by_role("group", name="Preview of the upload")
    expect(preview.get_by_role("status")).to_contain_text(f"{LABELLED} images can be added")
    for row in ("Class Training Test All", "Diabetic retinopathy 82 20 102", "All 164 41 205"):
        expect(preview.get_by_role("row", name=row, exact=True)).to_be_visible()
    for fact in ("the table graded/labels.csv (205)", "1 system file ignored"):
        expect(preview).to_contain_text(fact)
    expect(preview).to_contain_text("2 files left out: 1 not an image and 1 without a label")
    expect(preview).to_contain_text("graded/train/unknown.jpg no label: the table does not name it")
    expect(preview.get_by_role("heading")).to_be_focused()
    assert barriers(page) == []
    assert sent == []
    preview.get_by_role("button", name="Upload").press("Enter")
    expect(page.locator("#upload")).to_be_focused()
    expect(page.locator("#problems")).to_contain_text("The upload failed", timeout=JOB)
    expect(page.locator("#upload").get_by_role("status")).to_contain_text("200 images added")
    expect(page.locator("#upload")).to_contain_text("1 of 2 parts arrived")
    page.get_by_role("button", name="Try again").press("Enter")
    done = page.locator("#upload").get_by_role("status")
    expect(done).to_have_text("205 images added, 2 files left out, 1 system file ignored.", timeout=JOB)
    assert sent == ["sent", "failed", "sent"]
    counts = page.request.get("/api/datasets/diabetic_retinopathy").json()["counts"]
    assert counts["test"] == {"no_dr": 21, "dr": 20}
    # Training takes its validation images out of the training images.
    assert {label: counts["train"][label] + counts["val"][label] for label in ("no_dr", "dr")} == {
        "no_dr": 82,
        "dr": 82,
    }
    assert barriers(page) == []


def fail_second_part_once(page: Page) -> list[str]:
    """Let the network break while the second part is sent, and list what happens to each."""
    seen: list[str] = []

    def answer(route: Route) -> None:
        if len(seen) == 1:
            seen.append("failed")
            route.abort()
        else:
            seen.append("sent")
            route.continue_()

    page.route("**/api/upload", answer)
    return seen


def test_a_preview_is_cancelled_and_follows_the_label_that_is_chosen(page: Page, clinic: Path) -> None:
    page.goto("/data?classifier=cat_dog")
    expect(page.locator("#dataset")).not_to_be_empty()
    page.set_input_files("#folder", clinic)
    preview = page.get_by_role("group", name="Preview of the upload")
    expect(preview.get_by_role("status")).to_have_text("None of these files can be added.")
    expect(preview.get_by_role("button", name="Upload")).to_have_count(0)
    page.get_by_label("Label", exact=True).select_option("cat")
    expect(preview.get_by_role("status")).to_contain_text("2 images can be added")
    expect(preview).to_contain_text("the label that you chose (2)")
    expect(preview).to_contain_text("Training decides the split of 2 images")
    preview.get_by_role("button", name="Cancel").press("Enter")
    expect(preview).to_have_count(0)


def test_a_table_that_cannot_be_read_is_named_before_anything_is_sent(page: Page, graded: Path) -> None:
    page.goto("/data?classifier=diabetic_retinopathy")
    expect(page.locator("#dataset")).not_to_be_empty()
    (graded / "labels.csv").write_bytes(b"Image name,Retinopathy grade\neye1,\xff\n")
    page.set_input_files("#folder", graded)
    expect(page.locator("#problems")).to_contain_text("graded/labels.csv cannot be read as a CSV file in UTF-8")
    expect(page.locator("#upload")).to_be_empty()
