from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from flask import Flask
from test_commands import flask, refused

from app.classifiers.catalog import read_spec
from app.drawing import draw


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    for name, subject in (("Healthy", "cat_face"), ("With mildew", "dog_face")):
        (tmp_path / "leaves" / name).mkdir(parents=True)
        for seed in range(2):
            (tmp_path / "leaves" / name / f"{seed}.jpg").write_bytes(draw(subject, seed, 96).jpeg())
    return tmp_path / "leaves"


def test_a_classifier_is_made_shown_changed_and_deleted(app: Flask, tmp_path: Path) -> None:
    made = flask(app, "classifiers", "create", "leaf", "--class", "healthy", "--class", "mildew")
    assert (made.exit_code, made.stdout.split(".")[0]) == (0, "leaf is created")
    assert ["leaf", "stored", "none", "healthy,", "mildew"] in [
        line.split() for line in flask(app, "classifiers", "list").stdout.splitlines()
    ]
    changed = flask(app, "classifiers", "edit", "leaf", "title=Leaf health", "preprocessing.crop=center")
    assert changed.stdout.splitlines() == [
        "title: changed; takes effect now.",
        "preprocessing: changed; takes effect with the next training.",
    ]
    (tmp_path / "leaf.yaml").write_text(flask(app, "classifiers", "show", "leaf").stdout)
    assert read_spec(tmp_path / "leaf.yaml").preprocessing.crop == "center"
    assert "confirm=leaf" in refused(app, "classifiers", "delete", "leaf", "--confirm", "yes")
    deleted = flask(app, "classifiers", "delete", "leaf", "--confirm", "leaf")
    assert deleted.stdout == "leaf is deleted: 0 images, 0 predictions, 0 jobs, 0 versions.\n"
    assert "There is no classifier 'leaf'" in refused(app, "classifiers", "show", "leaf")


def test_a_folder_or_a_file_makes_one_too(app: Flask, leaves: Path, tmp_path: Path) -> None:
    made = flask(app, "classifiers", "create", "leaf", "--from-folder", leaves)
    assert "leaf is created, with 4 images; 0 rejected." in made.stdout
    file = tmp_path / "vine.yaml"
    file.write_text(yaml.safe_dump({"name": "vine", "classes": ["red", "white"]}))
    assert flask(app, "classifiers", "create", file).exit_code == 0
    assert "'vine' already" in refused(app, "classifiers", "create", file)
    assert "No classes can be told" in refused(app, "classifiers", "create", "one", "--from-folder", leaves / "Healthy")
    file.write_text("- red")
    assert "holds no fields" in refused(app, "classifiers", "create", file)
