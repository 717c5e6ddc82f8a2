from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.drawing import draw
from app.errors import InvalidInput
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image
from app.training.progress import silent


@pytest.fixture
def services(app: Flask) -> Services:
    found: Services = app.extensions["fovea"]
    return found


def kinds(services: Services, classifier: str) -> set[str]:
    return {finding["kind"] for finding in services.datasets.audit(classifier)["findings"]}


def test_drawing_adds_the_classes_in_turn_and_the_same_seed_adds_nothing(services: Services) -> None:
    first = services.datasets.synth("eye_diseases", 6, 1, silent)
    assert (first.accepted, first.duplicates) == (6, 0)
    again = services.datasets.synth("eye_diseases", 6, 1, silent)
    assert (again.accepted, again.duplicates) == (0, 6)
    summary = services.datasets.summary("eye_diseases")
    assert summary["classes"] == {"normal": 2, "diabetic_retinopathy": 2, "cataract": 1, "glaucoma": 1}
    assert summary["sources"] == {"drawn": 6}
    assert services.datasets.summary("glaucoma")["images"] == 0


def test_a_folder_is_imported_once_and_bad_files_are_listed(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    for split, label in (("train", "glaucoma"), ("test", "normal")):
        (folder / split / label).mkdir(parents=True)
        (folder / split / label / "1.jpg").write_bytes(draw(f"fundus_{label}", 1, 96).jpeg())
    (folder / "train" / "glaucoma" / "bad.jpg").write_bytes(b"text")
    (folder / "notes.txt").write_text("notes")
    for accepted in (2, 0):
        report = services.datasets.import_folder("glaucoma", folder, "clinic", silent)
        assert (report.accepted, report.duplicates) == (accepted, 2 - accepted)
        assert {Path(refused["file"]).name for refused in report.rejected} == {"bad.jpg", "notes.txt"}
        assert report.counts == {"train": {"glaucoma": 1}, "test": {"normal": 1}}


def test_a_folder_that_is_missing_or_empty_is_refused(services: Services, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(InvalidInput):
            services.datasets.import_folder("glaucoma", folder, "clinic", silent)


def test_the_audit_finds_what_would_fool_a_model(services: Services) -> None:
    services.datasets.synth("cat_dog", 8, 1, silent)
    assert services.datasets.audit("cat_dog") == {"classifier": "cat_dog", "images": 8, "findings": [], "clean": True}
    rows = db.session.scalars(select(Image).order_by(Image.id)).all()
    rows[0].group = rows[1].group = "one patient"
    rows[0].split, rows[1].split = "train", "test"
    rows[2].width = 20
    db.session.commit()
    assert kinds(services, "cat_dog") == {"group_in_several_splits", "small_images"}
    db.session.execute(update(Image).where(Image.id != rows[1].id).values(label="cat"))
    db.session.commit()
    assert "imbalance" in kinds(services, "cat_dog")
