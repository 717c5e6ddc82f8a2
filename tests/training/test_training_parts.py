import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.classifiers import Catalog
from app.classifiers.spec import TrainingSpec
from app.config import CHECKOUT
from app.errors import InvalidInput
from app.training.data.augmentation import vary
from app.training.networks.backbones import BACKBONES, find_weights, get_backbone, input_size, largest_batch, usual


def test_only_a_running_training_loads_keras() -> None:
    modules = ["networks.backbones", "evaluation.gate", "evaluation.metrics", "data.splits", "search", "trainer"]
    code = "import sys, " + ", ".join(f"app.training.{name}" for name in modules)
    check = "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", f"{code}; {check}"], check=False).returncode == 0


def test_missing_weights_say_what_to_put_where(tmp_path: Path) -> None:
    first, second = get_backbone("mobilenet_pair").weights_files
    with pytest.raises(InvalidInput, match=first):
        find_weights("mobilenet_pair", "imagenet", tmp_path)
    with pytest.raises(InvalidInput, match="WEIGHTS_DIR"):
        find_weights("mobilenet_pair", "imagenet", None)
    (tmp_path / first).touch()
    with pytest.raises(InvalidInput, match=second):
        find_weights("mobilenet_pair", "imagenet", tmp_path)
    (tmp_path / second).touch()
    assert find_weights("mobilenet_pair", "imagenet", tmp_path) == (tmp_path / first, tmp_path / second)
    assert find_weights("mobilenet_pair", str(tmp_path / first), None) == (tmp_path / first,)
    assert find_weights("mobilenetv2", "none", None) == ()
    assert find_weights("custom_cnn", "imagenet", None) == ()


def test_a_head_needs_trained_features() -> None:
    with pytest.raises(InvalidInput, match="choose the mode 'full'"):
        find_weights("custom_cnn", "imagenet", None, "head")


def test_an_unknown_backbone_lists_the_known() -> None:
    with pytest.raises(InvalidInput, match=", ".join(BACKBONES)):
        get_backbone("vgg99")


def test_variation_is_seeded_and_flips_only_as_allowed() -> None:
    square = np.zeros((64, 64, 3), np.uint8)
    square[:20, :20] = 200  # a mark in the upper left

    def corners(spec: TrainingSpec) -> set[tuple[bool, bool]]:
        random = np.random.default_rng(1)
        varied = [vary(square, spec, random).mean(axis=2) for _ in range(40)]
        tops = [(int(v.sum(axis=1).argmax()) < 32, int(v.sum(axis=0).argmax()) < 32) for v in varied]
        return set(tops)

    assert corners(TrainingSpec(flip_horizontal=False, flip_vertical=False)) == {(True, True)}
    assert len(corners(TrainingSpec(flip_horizontal=False, turn=180))) == 4
    assert corners(TrainingSpec(flip_horizontal=True, flip_vertical=False)) == {(True, True), (True, False)}
    assert len(corners(TrainingSpec(flip_horizontal=True, flip_vertical=True))) == 4
    first, second = (vary(square, TrainingSpec(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_documentation_lists_every_backbone_and_weights_file() -> None:
    text = (CHECKOUT / "docs" / "training.md").read_text()
    names = [*BACKBONES, *(file for row in BACKBONES.values() for file in row.weights_files)]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_a_batch_shrinks_as_its_images_grow() -> None:
    assert largest_batch("resnet50", 224) == 8
    assert largest_batch("resnet50", 448) == 2
    assert largest_batch("resnet50", 1024) == 1


def test_a_run_stands_on_pretrained_weights_where_they_are_at_hand(tmp_path: Path) -> None:
    training = TrainingSpec(backbone="custom_cnn", mode="full", pretrained="mobilenet_pair")
    assert usual(training, None) == usual(training, tmp_path) == ("custom_cnn", "full")
    for name in BACKBONES["mobilenet_pair"].weights_files:
        (tmp_path / name).touch()
    assert usual(training, tmp_path) == ("mobilenet_pair", "head")
    assert usual(TrainingSpec(), tmp_path) == ("custom_cnn", "full")


def test_pretrained_networks_may_see_larger_squares() -> None:
    spec = Catalog()["diabetic_retinopathy"]
    assert input_size("custom_cnn", spec) == get_backbone("custom_cnn").size
    assert input_size(str(spec.training.pretrained), spec) == spec.training.pretrained_size == 320
    sized = spec.model_copy(update={"preprocessing": spec.preprocessing.model_copy(update={"size": 96})})
    assert input_size(str(spec.training.pretrained), sized) == 96
