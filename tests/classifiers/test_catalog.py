from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from app.classifiers import ClassifierSpec, catalog
from app.classifiers.catalog import Catalog
from app.drawing import DRAWERS
from app.errors import ConfigError, NotFound

CLASSES = {
    "glaucoma": ("glaucoma", "normal"),
    "cat_dog": ("cat", "dog"),
    "diabetic_retinopathy": ("dr", "no_dr"),
    "dr_grade": ("grade_0", "grade_1", "grade_2", "grade_3", "grade_4"),
    "cataract": ("cataract", "normal"),
    "eye_diseases": ("normal", "diabetic_retinopathy", "cataract", "glaucoma"),
}
MINIMAL = {
    "name": "shapes",
    "title": "Shapes",
    "description": "Tells round from square.",
    "classes": [{"name": "round", "title": "Round"}, {"name": "square", "title": "Square"}],
}


def write(folder: Path, file: str = "shapes.yaml", **changes: object) -> Path:
    path = folder / file
    path.write_text(yaml.safe_dump(MINIMAL | changes))
    return path


def test_the_built_in_classifiers() -> None:
    catalog = Catalog()
    assert {name: spec.class_names for name, spec in catalog.items()} == CLASSES
    assert {name for name, spec in catalog.items() if spec.medical} == set(CLASSES) - {"cat_dog"}
    assert all(item.drawing in DRAWERS for spec in catalog.values() for item in spec.classes)


def test_what_a_screening_refers() -> None:
    catalog = Catalog()
    assert catalog["dr_grade"].referred == ("grade_2", "grade_3", "grade_4")
    assert catalog["dr_grade"].screening == ((2, 3, 4), True)
    assert catalog["diabetic_retinopathy"].referred == ("dr",)
    assert catalog["eye_diseases"].screening == ((), False)


def test_a_new_classifier_is_one_file_and_may_replace_a_built_in_one(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "cat_dog.yaml", name="cat_dog", title="Ours")
    catalog = Catalog(tmp_path)
    assert set(catalog) == {*CLASSES, "shapes"}
    assert catalog["cat_dog"].title == "Ours"
    with pytest.raises(NotFound, match=r"choose one of: .*shapes"):
        catalog["shape"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Shapes"}, "name: 'Shapes' is not a valid name; use at most 40 of a-z"),
        ({"title": None}, "title"),
        ({"split": {"train": 0.8, "val": 0.2, "test": 0.2}}, "must add up to 1, not train 0.8, val 0.2, test 0.2"),
        ({"split": {"train": 1.0, "val": 0.0, "test": 0.0}}, "split.train"),
        ({"split": "80-20"}, "'80-20' is no division; write 80/20, 80/10/10, or a share for each"),
        ({"split": "80/30"}, "must add up to 1"),
        ({"colour": "red"}, "colour: is no field that is known here; check its spelling."),
        ({"classes": ["round", "square"]}, "classes.0: must be fields with names"),
        ({"data": {"label_map": {0: "round"}}}, "data.label_map.0: must be text in quotes, not 0."),
        ({"classes": [{"name": "round", "title": "Round"}]}, "classes"),
        ({"classes": [{"name": "round", "title": "Round"}, {"name": "round", "title": "Again"}]}, "same name"),
        ({"classes": [{"name": "../up", "title": "Up"}, {"name": "b", "title": "B"}]}, "classes.0.name"),
        ({"positive": "oval"}, "positive"),
        ({"refer_from": "square"}, "set ordinal: true"),
        ({"ordinal": True, "refer_from": "round"}, "none of the classes after the first"),
        ({"ordinal": True, "refer_from": "square", "positive": "square"}, "leave one out"),
        ({"coverage": 1.5}, "coverage"),
        ({"data": {"convention": "csv"}}, "csv"),
        ({"data": {"label_map": {"0": "oval"}}}, "label_map"),
        ({"data": {"group_pattern": "("}}, "group_pattern"),
        ({"data": {"group_pattern": "no group"}}, "group_pattern"),
        ({"preprocessing": {"size": 4}}, "preprocessing.size"),
        ({"training": {"epochs": 0}}, "training.epochs"),
        ({"promotion": {"margin": 2}}, "promotion.margin"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_field(tmp_path: Path, changes: dict[str, object], field: str) -> None:
    path = write(tmp_path, "shapes.yaml", **changes)
    with pytest.raises(ConfigError) as caught:
        Catalog(tmp_path)
    assert str(path) in str(caught.value)
    assert field in str(caught.value)


def test_the_other_usual_suffix_of_yaml_is_read_as_well(tmp_path: Path) -> None:
    write(tmp_path, "shapes.yml")
    assert "shapes" in Catalog(tmp_path)


@pytest.mark.parametrize("content", [b"name: [", b"\xff\xfe", b"", b"- a\n- list\n"])
def test_a_file_that_holds_no_classifier_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"odd\.yaml"):
        Catalog(tmp_path)


def test_the_name_is_the_file_name(tmp_path: Path) -> None:
    write(tmp_path, "forms.yaml")
    with pytest.raises(ConfigError, match="must equal the file name"):
        Catalog(tmp_path)


def test_the_default_is_the_one_set_and_must_be_known() -> None:
    assert Catalog().default == "eye_diseases"
    assert Catalog(default="cataract").default == "cataract"
    with pytest.raises(ConfigError, match="DEFAULT_CLASSIFIER='cats' is not valid: choose one of"):
        Catalog(default="cats")


def test_the_only_classifier_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cataract.yaml").write_text((catalog.BUILTIN / "cataract.yaml").read_text())
    monkeypatch.setattr(catalog, "BUILTIN", tmp_path)
    assert Catalog().default == "cataract"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prevalence": 0.1, "positive": None}, "there is none"),
        ({"prevalence": {"glaucoma": 0.1}}, "a share for each class"),
        ({"prevalence": {"glaucoma": 0.1, "normal": 0.5}}, "add up to 1"),
        ({"prevalence": 1.0}, "less than 1"),
    ],
)
def test_a_prevalence_that_cannot_be_is_refused(changes: dict[str, object], reason: str) -> None:
    spec = Catalog()["glaucoma"].model_dump()
    with pytest.raises(ValidationError, match=reason):
        ClassifierSpec.model_validate(spec | changes)
    assert ClassifierSpec.model_validate(spec | {"prevalence": 0.05}).prevalence == 0.05


@pytest.mark.parametrize(
    ("written", "shares"),
    [
        (None, (0.7, 0.15, 0.15)),
        ("80/20", (0.8, 0.1, 0.1)),
        ("60/30/10", (0.6, 0.3, 0.1)),
        ({"train": 0.8, "val": 0.05, "test": 0.15}, (0.8, 0.05, 0.15)),
    ],
)
def test_the_division_is_a_setting(tmp_path: Path, written: object, shares: tuple[float, ...]) -> None:
    write(tmp_path, **({} if written is None else {"split": written}))  # type: ignore[arg-type]  # any value
    spec = Catalog(tmp_path)["shapes"]
    assert tuple(spec.split.shares.values()) == pytest.approx(shares)
    assert ClassifierSpec.model_validate_json(spec.model_dump_json()) == spec  # as the card keeps it
