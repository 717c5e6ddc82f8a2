"""Measuring a version on images some of which it was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundle_copies import add_version
from flask import Flask

from app.drawing import draw
from app.services.wiring import Services
from app.training.progress import silent

NAME = "cat_dog"


@pytest.fixture
def services(app: Flask) -> Services:
    """Version 2 was trained on the present dataset."""
    found: Services = app.extensions["fovea"]
    found.datasets.synth(NAME, 40, 3, silent)
    division = found.versions.freeze(NAME, silent)
    data = found.registry.card(NAME, 1).data.model_copy(update={"sha256": division.version})
    add_version(found.settings.models_dir, NAME, 2, data=data.model_dump(mode="json"))
    return found


def fill(folder: Path, services: Services, split: str, count: int) -> None:
    """Copy images of a split of the dataset into a folder as somebody might."""
    folder.mkdir(exist_ok=True)
    samples = [sample for sample in services.versions.preview(NAME).samples if sample.split == split]
    for sample in samples[:count]:
        (folder / f"{sample.label}.{split}.{sample.sha256[:8]}.jpg").write_bytes(sample.path.read_bytes())


def test_images_that_a_version_learned_from_are_told_apart(app: Flask, services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    fill(folder, services, "train", 6)
    fill(folder, services, "test", 3)
    for seed in range(2):
        (folder / f"cat.new.{seed}.jpg").write_bytes(draw("cat_face", 7_500_000 + seed).jpeg())
    found = services.evaluation().evaluate(NAME, folder, 2, silent)
    assert (found["n"], found["trained_on"], found["unseen"]["n"]) == (11, 6, 5)
    told = app.test_cli_runner().invoke(args=["evaluate", NAME, "--data", str(folder), "--version", "2"])
    assert told.stderr.splitlines()[-1].startswith("Warning: 6 of the 11 images are among those")
    assert "other 5" in told.stderr
    told = app.test_cli_runner().invoke(args=["evaluate", NAME, "--data", str(folder), "--version", "2", "--json"])
    assert json.loads(told.stdout)["unseen"]["intervals"]["accuracy"]


def test_a_version_that_was_trained_elsewhere_makes_no_claim(services: Services, tmp_path: Path) -> None:
    fill(tmp_path / "pets", services, "train", 4)
    found = services.evaluation().evaluate(NAME, tmp_path / "pets", 1, silent)
    assert (found["n"], found["trained_on"], found["unseen"]) == (4, None, None)


def test_where_all_were_trained_on_nothing_else_is_claimed(services: Services, tmp_path: Path) -> None:
    fill(tmp_path / "pets", services, "val", 2)
    found = services.evaluation().evaluate(NAME, tmp_path / "pets", 2, silent)
    assert (found["n"], found["trained_on"], found["unseen"]) == (2, 2, None)
