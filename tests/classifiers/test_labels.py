from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.classifiers import Catalog
from app.classifiers.labels import group_of, label_from_path, match_label

CATALOG = Catalog()
NAMES = st.sampled_from(sorted(CATALOG))


@pytest.mark.parametrize(
    ("classifier", "text", "label"),
    [
        ("diabetic_retinopathy", "0", "no_dr"),
        ("diabetic_retinopathy", "1", None),
        ("diabetic_retinopathy", "4", "dr"),
        ("diabetic_retinopathy", "No DR", "no_dr"),
        ("eye_diseases", "Diabetic-Retinopathy", "diabetic_retinopathy"),
        ("eye_diseases", " diabetic.retinopathy ", "diabetic_retinopathy"),
        ("cat_dog", "catalogue", None),
    ],
)
def test_a_label_as_found_becomes_a_class(classifier: str, text: str, label: str | None) -> None:
    assert match_label(CATALOG[classifier], text) == label


@pytest.mark.parametrize(
    ("classifier", "path", "label"),
    [
        ("cat_dog", "cat.0.jpg", "cat"),
        ("cat_dog", "train/dog_17.jpg", "dog"),
        ("cat_dog", "caterpillar.1.jpg", None),
        ("glaucoma", "train/Glaucoma/1.jpg", "glaucoma"),
        ("glaucoma", "glaucoma/normal/1.jpg", "normal"),
        ("glaucoma", "glaucoma-12.png", "glaucoma"),
        ("eye_diseases", "cataract/12_left.jpg", "cataract"),
        ("eye_diseases", "12_left.jpg", None),
        ("cat_dog", "cat (1).jpg", "cat"),
        ("cat_dog", "dog_left_ear.jpg", "dog"),
        ("diabetic_retinopathy", "4_left.jpeg", None),
        ("diabetic_retinopathy", "no_dr_7.png", "no_dr"),
    ],
)
def test_the_nearest_folder_else_the_prefix_names_the_class(classifier: str, path: str, label: str | None) -> None:
    assert label_from_path(CATALOG[classifier], path) == label


def test_the_patient_is_read_from_the_name() -> None:
    left, right = (group_of(CATALOG["eye_diseases"], f"12_{side}.jpg") for side in ("left", "right"))
    assert left == right == "12"
    assert group_of(CATALOG["eye_diseases"], "eye.jpg") is None
    assert group_of(CATALOG["cat_dog"], "12_left.jpg") is None


@given(name=NAMES, path=st.text(max_size=60))
def test_any_path_names_a_class_or_none(name: str, path: str) -> None:
    spec = CATALOG[name]
    assert label_from_path(spec, path) in {*spec.class_names, None}
    assert group_of(spec, path) != ""


@given(data=st.data(), name=NAMES, folders=st.lists(st.text(max_size=10), max_size=3))
def test_a_class_folder_is_found_however_deep_and_however_spelt(
    data: st.DataObject, name: str, folders: list[str]
) -> None:
    spec = CATALOG[name]
    label = data.draw(st.sampled_from(spec.class_names))
    spelt = data.draw(st.sampled_from([label, label.upper(), label.replace("_", " "), label.replace("_", "-")]))
    assert label_from_path(spec, "/".join([*folders, spelt, "photograph.jpg"])) == label
