from pathlib import Path

import pytest

from app.classifiers import Catalog, ClassifierSpec
from app.errors import InvalidInput, TooLarge
from app.training.data.datasets import Scan, interpret, scan

CATALOG = Catalog()


def _touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _found(root: Path, found: Scan) -> set[tuple[str, str, str | None, str]]:
    return {(i.path.relative_to(root).as_posix(), i.label, i.split, i.group) for i in found.items}


def test_class_folders_below_split_folders(tmp_path: Path) -> None:
    _touch(tmp_path, "Train/Glaucoma/a.JPG", "train/normal/b.jpeg", "test/glaucoma/deep/c.png", "val/NORMAL/d.tiff")
    assert _found(tmp_path, scan(tmp_path, CATALOG["glaucoma"])) == {
        ("Train/Glaucoma/a.JPG", "glaucoma", "train", "Train/Glaucoma/a.JPG"),
        ("train/normal/b.jpeg", "normal", "train", "train/normal/b.jpeg"),
        ("test/glaucoma/deep/c.png", "glaucoma", "test", "test/glaucoma/deep/c.png"),
        ("val/NORMAL/d.tiff", "normal", "val", "val/NORMAL/d.tiff"),
    }


def test_class_folders_alone_with_patients(tmp_path: Path) -> None:
    _touch(tmp_path, "Diabetic Retinopathy/12_left.webp", "diabetic-retinopathy/12_right.bmp", "cataract/scan.tif")
    assert _found(tmp_path, scan(tmp_path, CATALOG["eye_diseases"])) == {
        ("Diabetic Retinopathy/12_left.webp", "diabetic_retinopathy", None, "12"),
        ("diabetic-retinopathy/12_right.bmp", "diabetic_retinopathy", None, "12"),
        ("cataract/scan.tif", "cataract", None, "cataract/scan.tif"),
    }


def test_file_name_prefixes_flat_and_in_split_folders(tmp_path: Path) -> None:
    _touch(tmp_path, "cat.0.jpg", "test/DOG_17.png", "train/category.jpg")
    found = scan(tmp_path, CATALOG["cat_dog"])
    assert _found(tmp_path, found) == {
        ("cat.0.jpg", "cat", None, "cat.0.jpg"),
        ("test/DOG_17.png", "dog", "test", "test/DOG_17.png"),
    }
    assert [name for name, _ in found.rejected] == ["train/category.jpg"]


def test_table_with_label_map_and_drops(tmp_path: Path) -> None:
    names = ["10_left", "10_right", "11_left", "12_left", "13_left"]
    _touch(tmp_path, *[f"images/{name}.jpeg" for name in names])
    rows = "image,level\n10_left,0\n10_right,4\n11_left,1\n12_left,9\n99_left,0\n"
    (tmp_path / "trainLabels.csv").write_text(rows, encoding="utf-8-sig")
    found = scan(tmp_path, CATALOG["diabetic_retinopathy"])
    assert _found(tmp_path, found) == {
        ("images/10_left.jpeg", "no_dr", None, "10"),
        ("images/10_right.jpeg", "dr", None, "10"),
    }
    reasons = dict(found.rejected)
    assert "left out by the label map" in reasons["images/11_left.jpeg"]
    assert "'9' is no class" in reasons["images/12_left.jpeg"]
    assert "the table does not name it" in reasons["images/13_left.jpeg"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "no label: no table trainLabels.csv"),
        (b"image,grade\na,1\n", "no column 'level'; its columns are: image, grade"),
        (b"", "no column 'image'"),
        (b"image,level\n\xff\xfe,1\n", "cannot be read as a CSV file"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, table: bytes | None, message: str) -> None:
    _touch(tmp_path, "10_left.jpeg")
    if table is not None:
        (tmp_path / "trainLabels.csv").write_bytes(table)
    with pytest.raises(InvalidInput, match=message):
        scan(tmp_path, CATALOG["diabetic_retinopathy"])


def test_other_files_are_listed_and_litter_is_ignored(tmp_path: Path) -> None:
    litter = [".hidden/normal/x.jpg", "__MACOSX/normal/x.jpg", "normal/.DS_Store"]
    _touch(tmp_path, "normal/a.jpg", "normal/notes.txt", "unknown/b.jpg", "c.jpg", *litter)
    found = scan(tmp_path, CATALOG["glaucoma"])
    assert _found(tmp_path, found) == {("normal/a.jpg", "normal", None, "normal/a.jpg")}
    assert [name for name, _ in found.rejected] == ["c.jpg", "normal/notes.txt", "unknown/b.jpg"]


def test_a_folder_that_the_label_map_drops_is_no_class_of_its_parent(tmp_path: Path) -> None:
    spec = CATALOG["glaucoma"]
    data = spec.data.model_copy(update={"label_map": {"suspect": None}})
    _touch(tmp_path, "normal/suspect/a.jpg", "normal/b.jpg")
    found = scan(tmp_path, ClassifierSpec.model_validate({**spec.model_dump(), "data": data.model_dump()}))
    assert [item.path.name for item in found.items] == ["b.jpg"]
    assert found.rejected == [("normal/suspect/a.jpg", "the label 'suspect' is left out by the label map")]


def test_nothing_to_use_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no folder"):
        scan(tmp_path / "missing", CATALOG["glaucoma"])
    _touch(tmp_path, "a.jpg")
    with pytest.raises(InvalidInput, match=r"no image .* glaucoma can use; a\.jpg: no label"):
        scan(tmp_path, CATALOG["glaucoma"])


@pytest.mark.parametrize(
    ("rows", "sentence"), [(b"a,1\n" * 120_000, "too many rows"), ((b"a" * 100_000 + b",1\n") * 90, "too large")]
)
def test_the_tables_of_a_call_have_a_limit_together(rows: bytes, sentence: str) -> None:
    names = [f"{folder}/{file}" for folder in "ab" for file in ("trainLabels.csv", "1.jpg")]
    with pytest.raises(
        TooLarge, match=rf"^[ab]/trainLabels\.csv is (a table of )?{sentence}; all tables of a call may have"
    ):
        interpret(sorted(names), lambda _: b"image,level\n" + rows, CATALOG["diabetic_retinopathy"])
