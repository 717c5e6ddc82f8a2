from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.drawing import draw
from app.errors import InvalidInput
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Image
from app.training.progress import silent


def kinds(services: Services, classifier: str) -> set[str]:
    return {finding["kind"] for finding in services.audit.latest(classifier)["findings"]}


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


def test_before_the_images_are_looked_at_the_records_tell_what_would_fool_a_model(services: Services) -> None:
    services.datasets.synth("cat_dog", 8, 1, silent)
    found = services.audit.latest("cat_dog")
    assert (found["images"], found["findings"], found["clean"], found["complete"]) == (8, [], True, False)
    rows = db.session.scalars(select(Image).order_by(Image.id)).all()
    rows[0].group = rows[1].group = "one patient"
    rows[0].split, rows[1].split = "train", "test"
    rows[2].width = rows[2].height = 20
    db.session.commit()
    assert kinds(services, "cat_dog") == {"patients_on_both_sides", "tiny_images"}
    db.session.execute(update(Image).where(Image.id != rows[1].id).values(label="cat"))
    db.session.commit()
    assert "imbalance" in kinds(services, "cat_dog")


def test_the_counts_are_those_that_training_uses(services: Services) -> None:
    """Before images were compared the same holds but for the copies among them, which nobody knows yet."""
    services.datasets.synth("glaucoma", 40, 1, silent)
    rows = db.session.scalars(select(Image).order_by(Image.id)).all()
    rows[0].group = rows[1].group = "one patient"
    rows[0].split, rows[1].split = "train", "test"
    db.session.commit()
    before = services.datasets.summary("glaucoma")
    frozen = services.versions.freeze("glaucoma", silent)
    after = services.datasets.summary("glaucoma")
    assert before == after
    assert (after["images"], after["left_out"], len(frozen.left_out)) == (40, 1, 1)
    assert after["counts"] == services.versions.list("glaucoma")[0]["counts"] == frozen.counts
    by_split = services.charts.figures("glaucoma")["dataset"]["by_split"]
    assert by_split == {split: sum(labels.values()) for split, labels in after["counts"].items()}
    assert services.exploration.figures("glaucoma")["counts"] == after["counts"]


def test_drawings_of_other_seeds_are_no_copies_of_each_other(services: Services) -> None:
    services.datasets.synth("cataract", 24, 1, silent)
    frozen = services.versions.freeze("cataract", silent)
    assert len({sample.group for sample in frozen.samples}) == len(frozen.samples) == 24
    assert services.audit.compute("cataract", silent)["clean"]
