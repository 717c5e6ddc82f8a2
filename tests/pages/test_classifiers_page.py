"""A classifier of one's own, from a folder of images to a model that answers; its settings; its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import SECONDS, barriers
from conftest import Stack, running
from playwright.sync_api import Page, expect

from app.drawing import draw

JOB = 400 * SECONDS
EACH = 24  # images of each class

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A product of its own: classifiers come and go here."""
    with running(tmp_path_factory.mktemp("classifiers")) as started:
        yield started


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    """A folder of two classes, with a file that is no image."""
    for name, subject in (("Healthy", "cat_face"), ("With mildew", "dog_face")):
        folder = tmp_path / "leaves" / name
        folder.mkdir(parents=True)
        for seed in range(EACH):
            (folder / f"{seed}.jpg").write_bytes(draw(subject, seed, 96).jpeg())
    (tmp_path / "leaves" / "notes.txt").write_text("notes")
    return tmp_path / "leaves"


def test_a_folder_of_images_becomes_a_classifier_that_answers(page: Page, leaves: Path) -> None:
    page.goto("/")
    page.get_by_role("link", name="New classifier").click()
    page.get_by_label("What should it tell apart?").fill("Leaf health")
    expect(page.locator("#name")).to_have_text("leaf_health")
    assert barriers(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2. Images")).to_be_focused()
    page.set_input_files("#folder", leaves)
    preview = page.get_by_role("group", name="Preview of the upload")
    expect(preview.get_by_role("status")).to_contain_text(f"{2 * EACH} images can be added")
    expect(preview.get_by_role("row", name=f"With mildew {EACH} {EACH}", exact=True)).to_be_visible()
    expect(preview).to_contain_text("1 file left out: 1 not an image")
    assert page.request.get("/api/classifiers/leaf_health").status == 404  # nothing is kept yet
    assert barriers(page) == []
    preview.get_by_role("button", name="Create and upload").press("Enter")
    expect(page.get_by_role("heading", name="4. Train")).to_be_focused(timeout=60 * SECONDS)
    expect(page.locator("#upload")).to_contain_text(f"{2 * EACH} images added")
    page.get_by_role("button", name="Start training").press("Enter")
    expect(page.locator("#job").get_by_role("progressbar")).to_be_visible()
    page.get_by_role("link", name="Predict an image").click(timeout=JOB)
    expect(page).to_have_url("/predict?classifier=leaf_health")
    page.wait_for_load_state("networkidle")  # its script takes the files
    page.set_input_files("#files", leaves / "Healthy" / "1.jpg")
    expect(page.get_by_role("article", name="Answer for 1.jpg")).to_be_visible(timeout=60 * SECONDS)


def test_a_name_that_is_taken_and_a_folder_without_classes_are_explained(page: Page, leaves: Path) -> None:
    page.goto("/classifiers")
    page.get_by_label("What should it tell apart?").fill("Cat dog")
    page.get_by_role("button", name="Continue").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is a classifier cat_dog already. Choose another title.")
    expect(page.get_by_label("What should it tell apart?")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Only one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2. Images")).to_be_focused()
    page.set_input_files("#folder", leaves / "Healthy")
    expect(page.get_by_role("alert")).to_contain_text("put the images of each class into a folder of its own")
    assert barriers(page) == []
    assert page.request.get("/api/classifiers/only_one").status == 404


def test_single_images_belong_to_the_class_that_is_written(page: Page, leaves: Path) -> None:
    page.goto("/classifiers")
    page.get_by_label("What should it tell apart?").fill("By camera")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2. Images")).to_be_focused()
    page.set_input_files("#camera", leaves / "Healthy" / "1.jpg")
    expect(page.get_by_role("alert")).to_contain_text("Write what the photograph shows first")
    for name in ("Healthy", "With mildew"):
        page.get_by_label("Images without a folder").fill(name)
        page.set_input_files("#camera", leaves / name / "1.jpg")
        page.set_input_files("#files", leaves / name / "2.jpg")
    preview = page.get_by_role("group", name="Preview of the upload")
    expect(preview.get_by_role("row", name="With mildew 2 2", exact=True)).to_be_visible()
    preview.get_by_role("button", name="Create and upload").press("Enter")
    expect(page.get_by_role("link", name="Add images")).to_be_visible(timeout=60 * SECONDS)


def test_settings_are_changed_and_the_classifier_deleted(page: Page) -> None:
    made = page.request.post("/api/classifiers", data={"name": "leaf", "classes": ["healthy", "mildew"]})
    assert made.status == 201
    page.goto("/classifier?classifier=leaf")
    page.get_by_label("Title", exact=True).fill("Leaves of a vine")
    page.get_by_label("Title of mildew").fill("Powdery mildew")
    page.get_by_label("Class that a screening refers").select_option("mildew")
    page.get_by_label("Add a class").fill("rust")
    assert barriers(page) == []
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.locator("#settings").get_by_role("status")).to_contain_text("in effect now")
    expect(page.get_by_label("Classifier", exact=True).locator("option:checked")).to_have_text("Leaves of a vine")
    kept = page.request.get("/api/classifiers/leaf").json()
    assert [each["title"] for each in kept["classes"]] == ["Healthy", "Powdery mildew", "Rust"]
    assert (kept["title"], kept["positive"]) == ("Leaves of a vine", "mildew")
    page.get_by_text("Delete this classifier").press("Enter")
    page.get_by_label("Write leaf to confirm").fill("leaves")
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("repeat the name, confirm=leaf")
    page.get_by_label("Write leaf to confirm").fill("leaf")
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page).to_have_url("/")
    assert page.request.get("/api/classifiers/leaf").status == 404
    page.goto("/classifier?classifier=cat_dog")
    expect(page.locator("#settings")).to_contain_text("built in and cannot be changed")
