from __future__ import annotations

import pytest

from app.errors import InvalidInput
from app.services.classifiers.guess import guess, preview


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["leaves/healthy/1.jpg", "leaves/mildew/2.jpg"], ["healthy", "mildew"]),
        (["healthy/p1/1.jpg", "healthy/p2/2.jpg", "mildew/p3/3.jpg"], ["healthy", "mildew"]),  # patients are no classes
        (["a/train/cat/1.png", "a/train/dog/2.png", "a/validation/cat/3.png"], ["cat", "dog"]),
        (["Healthy/train/1.jpg", "Mildew/test/2.jpg"], ["healthy", "mildew"]),
        (["cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg"], ["cat", "dog"]),
        (["x/Healthy leaf (1).jpg", "x/Healthy leaf (2).jpg", "x/mildew_1.jpg", "x/mildew_2.jpg"],
         ["healthy_leaf", "mildew"]),
        (["0/a.jpg", "1/b.jpg", "0/notes.txt", ".hidden/c.jpg"], ["class_0", "class_1"]),
    ],
)  # fmt: skip
def test_classes_are_told_by_folders_else_by_the_beginnings_of_names(paths: list[str], names: list[str]) -> None:
    assert [each["name"] for each in guess(paths)["classes"]] == names


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["leaves/IMG_1.jpg", "leaves/IMG_2.jpg"], "No classes can be told"),
        (["healthy/notes.txt", "mildew/notes.txt"], "There is no image"),
        ([f"{number}/a.jpg" for number in range(1001)], "1001 folders"),
    ],
)
def test_names_without_classes_are_refused(paths: list[str], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        guess(paths)


def test_what_is_proposed_reads_every_image_by_whatever_its_folder_is_called() -> None:
    names = ["Blätter/Gesund+Grün/1.jpg", "Blätter/Krank/Validation/2.jpg", "Blätter/Krank/3.jpg", "Blätter/loose.jpg"]
    found = preview([*names, "Blätter/list.txt"])
    assert [(each["name"], each["title"]) for each in found["classes"]] == [
        ("gesund_grun", "Gesund+Grün"),
        ("krank", "Krank"),
    ]
    assert found["counts"] == {"unassigned": {"gesund_grun": 1, "krank": 1}, "val": {"krank": 1}}
    assert {each["file"]: each["kind"] for each in found["rejected"]} == {
        "Blätter/loose.jpg": "unlabelled",
        "Blätter/list.txt": "not_an_image",
    }
