from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.classifiers import Catalog, ClassifierSpec
from app.errors import InvalidInput
from app.training.data.datasets import interpret, scan

CATALOG = Catalog()
EYEPACS = b"image,level\n10_left,0\n10_right,4\n13_left,2\n17_left,3\n"
EYEQ = b",image,quality,DR_grade\n0,10_left.jpeg,0,0\n1,17_left.jpeg,2,3\n"
IDRID = b"Image name,Retinopathy grade\nIDRiD_001,3\nIDRiD_002,0\n"


def found(
    classifier: str, names: list[str], tables: dict[str, bytes] | None = None, **changes: object
) -> dict[str, Any]:
    """What became of each file: (label, split, group), or the kind of refusal."""
    spec = CATALOG[classifier]
    if changes:
        spec = ClassifierSpec.model_validate(spec.model_dump() | {"data": spec.data.model_dump() | changes})
    entries, refusals, _ = interpret([*names, *(tables or {})], lambda name: (tables or {})[name], spec)
    return {each.name: (each.label, each.split, each.group) for each in entries} | {
        each.name: each.kind for each in refusals
    }


def test_class_folders_with_and_without_split_folders() -> None:
    assert found(
        "glaucoma", ["train/glaucoma/1.jpg", "Test/Normal/2.png", "normal/3.jpg", "4.jpg", "train/x/5.jpg"]
    ) == {
        "train/glaucoma/1.jpg": ("glaucoma", "train", None),
        "Test/Normal/2.png": ("normal", "test", None),
        "normal/3.jpg": ("normal", None, None),
        "4.jpg": "unlabelled",
        "train/x/5.jpg": "unlabelled",
    }


def test_the_patient_comes_from_the_name() -> None:
    assert found("eye_diseases", ["normal/12_left.jpg", "normal/_12_3456.jpg"]) == {
        "normal/12_left.jpg": ("normal", None, "12"),
        "normal/_12_3456.jpg": ("normal", None, None),
    }


def test_the_prefix_wins_over_the_folder_where_prefixes_are_the_convention() -> None:
    assert found("cat_dog", ["train/cat.0.jpg", "cat/dog.1.jpg", "test/bird.2.jpg", "dog/3.jpg"]) == {
        "train/cat.0.jpg": ("cat", "train", None),
        "cat/dog.1.jpg": ("dog", None, None),
        "test/bird.2.jpg": "unlabelled",
        "dog/3.jpg": ("dog", None, None),
    }


def test_a_table_labels_drops_and_filters() -> None:
    tables = {"set/trainLabels.csv": EYEPACS, "set/Label_EyeQ_train.csv": EYEQ}
    names = ["10_left.jpeg", "10_right.JPEG", "13_left.jpeg", "17_left.jpeg", "99_left.jpeg", "notes.txt"]
    assert found("diabetic_retinopathy", [f"set/images/{name}" for name in names], tables) == {
        "set/images/10_left.jpeg": ("no_dr", None, "10"),
        "set/images/10_right.JPEG": ("dr", None, "10"),
        "set/images/13_left.jpeg": "dropped",
        "set/images/17_left.jpeg": "filtered",
        "set/images/99_left.jpeg": "unlabelled",
        "set/images/notes.txt": "not_an_image",
    }


def test_each_table_rules_its_own_folder_and_the_first_form_wins() -> None:
    tables = {"a/trainLabels.csv": EYEPACS, "b/labels.csv": IDRID}
    assert found("diabetic_retinopathy", ["a/17_left.jpeg", "b/images/IDRiD_001.jpg", "a/IDRiD_002.jpg"], tables) == {
        "a/17_left.jpeg": ("dr", None, "17"),
        "b/images/IDRiD_001.jpg": ("dr", None, "IDRiD_00"),
        "a/IDRiD_002.jpg": "unlabelled",
    }
    both = {"trainLabels.csv": EYEPACS, "labels.csv": IDRID}
    assert found("diabetic_retinopathy", ["17_left.jpeg", "IDRiD_001.jpg"], both)["IDRiD_001.jpg"] == "unlabelled"


def test_any_columns_serve_and_one_form_needs_no_list() -> None:
    table = {"t.csv": b"who,what\n1,severe\n2,fine\n"}
    form = {"file": "t.csv", "image_column": "who", "label_column": "what"}
    label_map = {"severe": "dr", "fine": "no_dr"}
    assert found("diabetic_retinopathy", ["1.png", "2.png"], table, csv=form, label_map=label_map) == {
        "1.png": ("dr", None, None),
        "2.png": ("no_dr", None, None),
    }


@pytest.mark.parametrize("table", [b"image,grade\n1,0\n", b"image,level\n\xff,0\n", b""])
def test_a_table_that_cannot_be_read_is_named(table: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"trainLabels\.csv"):
        found("diabetic_retinopathy", ["1.jpg"], {"trainLabels.csv": table})


def test_what_gave_a_label_is_told() -> None:
    names, table = ["set/10_left.jpeg", "dr/1.png", "dr_2.png"], "set/trainLabels.csv"
    entries, _, tables = interpret([*names, table], lambda _: EYEPACS, CATALOG["diabetic_retinopathy"])
    assert [each.told_by for each in entries] == ["table", "folder", "name"]
    assert tables == [table]
    entries, _, _ = interpret(["dr/1.png"], lambda _: b"", CATALOG["diabetic_retinopathy"], "no_dr")
    assert [(each.label, each.told_by) for each in entries] == [("no_dr", "label")]


def test_a_table_that_is_not_read_is_refused_with_the_names_of_those_that_are() -> None:
    for classifier, reason in (("glaucoma", "glaucoma reads no tables"), ("diabetic_retinopathy", "trainLabels.csv")):
        _, (refusal,), _ = interpret(["my labels.csv"], lambda _: b"", CATALOG[classifier])
        assert refusal.kind == "not_an_image"
        assert reason in refusal.reason


def test_a_folder_without_a_usable_image_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder"):
        scan(tmp_path / "missing", CATALOG["glaucoma"])
    (tmp_path / "1.jpg").write_bytes(b"x")
    (tmp_path / ".1.jpg").write_bytes(b"hidden files count as nothing")
    with pytest.raises(InvalidInput, match=r"1\.jpg: no label"):
        scan(tmp_path, CATALOG["glaucoma"])
