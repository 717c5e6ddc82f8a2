"""What an upload would be read as, before any image is sent."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from http_checks import CAT, form, kept, problem

from app.config import Settings

Answer = dict[str, Any]
EYEPACS = "image,level\n10_left,0\n10_right,4\n13_left,2\n99_left,7\n"
EYEQ = "image,quality\n10_right.jpeg,2\n"


def preview(client: FlaskClient, classifier: str, files: list[str], **fields: object) -> Answer:
    answer = client.post(f"/api/datasets/{classifier}/preview", json={"files": files, **fields})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: Answer = answer.get_json()
    return found


def test_class_folders_and_what_no_folder_names(client: FlaskClient, settings: Settings) -> None:
    before = kept(settings)
    found = preview(client, "glaucoma", ["eyes/glaucoma/1.jpg", "eyes/Normal/2.png", "eyes/3.jpg", "eyes/notes.txt"])
    assert found["images"] == [
        {"file": "eyes/glaucoma/1.jpg", "label": "glaucoma", "split": None, "told_by": "folder"},
        {"file": "eyes/Normal/2.png", "label": "normal", "split": None, "told_by": "folder"},
    ]
    assert (found["convention"], found["told_by"]) == ("folders", {"folder": 2})
    assert found["counts"] == {"unassigned": {"glaucoma": 1, "normal": 1}}
    assert [(each["file"], each["kind"]) for each in found["rejected"]] == [
        ("eyes/3.jpg", "unlabelled"), ("eyes/notes.txt", "not_an_image"),
    ]  # fmt: skip
    assert all(each["reason"] for each in found["rejected"])
    assert found["kinds"] == {"unlabelled": 1, "not_an_image": 1}
    assert kept(settings) == before


def test_train_val_and_test_folders(client: FlaskClient) -> None:
    names = [
        f"set/{split}/{label}/{n}.jpg" for split in ("train", "VAL", "Test") for label in ("cat", "dog") for n in "12"
    ]
    found = preview(client, "cat_dog", names)
    assert found["counts"] == {split: {"cat": 2, "dog": 2} for split in ("train", "val", "test")}
    everything = preview(client, "cat_dog", names, label="dog", split="val")
    assert (everything["counts"], everything["told_by"]) == ({"val": {"dog": 12}}, {"label": 12})


def test_prefixes_of_names(client: FlaskClient) -> None:
    found = preview(client, "cat_dog", ["train/cat.0.jpg", "test/dog.1.jpg", "bird.jpg"])
    assert found["counts"] == {"train": {"cat": 1}, "test": {"dog": 1}}
    assert (found["told_by"], found["kinds"]) == ({"name": 2}, {"unlabelled": 1})


def test_tables_of_labels_and_of_quality(client: FlaskClient) -> None:
    images = ["10_left", "10_right", "13_left", "99_left", "unnamed"]
    files = [f"set/test/{name}.jpeg" for name in images] + ["set/trainLabels.csv", "set/other.csv"]
    tables = {"set/trainLabels.csv": EYEPACS, "set/Label_EyeQ_train.csv": EYEQ, "set/other.csv": "a,b\n"}
    found = preview(client, "diabetic_retinopathy", files, tables=tables)
    assert (found["tables"], found["told_by"]) == (["set/Label_EyeQ_train.csv", "set/trainLabels.csv"], {"table": 1})
    assert found["counts"] == {"test": {"no_dr": 1}}
    assert {each["file"].split("/")[-1]: each["kind"] for each in found["rejected"]} == {
        "10_right.jpeg": "filtered", "13_left.jpeg": "dropped", "99_left.jpeg": "unlabelled",
        "unnamed.jpeg": "unlabelled", "other.csv": "not_an_image",
    }  # fmt: skip
    url = "/api/datasets/diabetic_retinopathy/preview"
    without = client.post(url, json={"files": files})
    assert "The text of the table set/trainLabels.csv is missing; send it in 'tables'" in problem(without, 400)
    wrong = client.post(url, json={"files": files, "tables": tables | {"set/trainLabels.csv": "eye,grade\n"}})
    assert "set/trainLabels.csv has no column 'image'" in problem(wrong, 400)


def test_system_files_archives_and_hostile_names(client: FlaskClient) -> None:
    litter = ["cat/Thumbs.db", ".DS_Store", "__MACOSX/cat/._1.jpg", "cat/desktop.ini"]
    found = preview(client, "cat_dog", ["../cat/1.jpg", "C:\\cat\\1.jpg", "cat\\1.jpg", "more/pets.ZIP", *litter, ""])
    assert [each["file"] for each in found["images"]] == ["../cat/1.jpg", "C:\\cat\\1.jpg", "cat\\1.jpg"]
    assert (found["archives"], sorted(found["ignored"])) == (["more/pets.ZIP"], sorted(litter))
    assert [each["file"] for each in found["rejected"]] == [""]


def test_the_upload_does_what_the_preview_said(client: FlaskClient) -> None:
    names = ["set/train/cat/1.jpg", "set/test/dog.2.jpg", "set/val/bird.3.jpg", "set/Thumbs.db", "set/notes.txt"]
    said = preview(client, "cat_dog", names)
    files = [("files", name, CAT + bytes([number])) for number, name in enumerate(names)]
    done = client.post("/api/upload", **form(files, classifier="cat_dog")).get_json()
    assert (done["counts"], done["kinds"]) == (said["counts"], said["kinds"])
    assert (done["accepted"], done["ignored"]) == (len(said["images"]), len(said["ignored"]))
    assert done["rejected"] == said["rejected"]


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "nothing": ({}, 400, "files: is missing"),
    "no list": ({"files": "a.jpg"}, 400, "files"),
    "no text": ({"files": [], "tables": {"a.csv": 1}}, 400, "tables"),
    "too many": ({"files": ["a"] * 50_001}, 400, "files"),
    "too large": ({"files": ["a" * 4_000_001]}, 413, "over the limit of 4 MB"),
    "label": ({"files": ["a.jpg"], "label": "bird"}, 400, "choose one of: cat, dog"),
    "split": ({"files": ["a.jpg"], "split": "exam"}, 400, "choose one of: train, val, test"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_call_is_told_what_to_do(client: FlaskClient, case: str) -> None:
    sent, status, sentence = BAD[case]
    assert sentence in problem(client.post("/api/datasets/cat_dog/preview", json=sent), status)


def test_it_is_for_known_classifiers_and_in_the_description(client: FlaskClient) -> None:
    assert "choose one of" in problem(client.post("/api/datasets/cats/preview", json={"files": []}), 404)
    described = client.get("/openapi.json").get_json()["paths"]["/api/datasets/{classifier}/preview"]["post"]
    assert set(described["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {
        "files", "tables", "label", "split",
    }  # fmt: skip
