"""Versions whose bundle is damaged or missing, and removing versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle_copies import add_version
from flask import Flask
from flask.testing import FlaskClient

from app.classifiers.card import CARD_NAME
from app.services.setup import initialise
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Job
from app.training.progress import silent

NAME = "cat_dog"


@pytest.fixture
def models(services: Services) -> Path:
    """The bundles of cat_dog: version 1 serves, 2, 3 and 4 are copies of it."""
    for version in (2, 3, 4):
        add_version(services.registry.root, NAME, version)
    services.registry.adopt(NAME)
    return services.registry.root / NAME


def remove_files(models: Path) -> None:
    """Leave version 2 without card, version 3 with a damaged one, version 4 without its network."""
    (models / "2" / CARD_NAME).unlink()
    (models / "3" / CARD_NAME).write_text("{")
    (models / "4" / "model.onnx").unlink()


def test_a_damaged_version_is_listed_with_its_problem_beside_the_others(client: FlaskClient, models: Path) -> None:
    remove_files(models)
    answer = client.get("/api/models")
    assert answer.status_code == 200
    found = {row["version"]: row for row in answer.get_json() if row["classifier"] == NAME}
    assert found[1]["problem"] is None
    assert found[1]["metrics"]["accuracy"] is not None
    assert "missing" in found[2]["problem"]
    assert "damaged" in found[3]["problem"]
    assert "lacks model.onnx" in found[4]["problem"]
    assert {key: found[3][key] for key in ("backbone", "demo", "notice")} == {
        "backbone": None, "demo": False, "notice": None,
    }  # fmt: skip
    assert set(found[3]) == set(found[1])


def test_a_backup_goes_on_without_a_damaged_version_and_says_so(
    services: Services, models: Path, tmp_path: Path, app: Flask
) -> None:
    remove_files(models)
    (models / "4" / "novelty.npz").write_bytes(b"damaged")
    missing = services.backup.save(tmp_path / "all.zip", silent).missing
    assert [f"version {number}" in sentence for number, sentence in zip((2, 3, 4), missing, strict=True)] == [True] * 3
    assert "model.onnx, novelty.npz" in missing[2]
    said = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "again.zip")])
    assert said.exit_code == 0
    assert said.output.count("Not in the backup") == 3


def test_a_version_is_removed_for_good_by_call_and_command(
    client: FlaskClient, services: Services, models: Path, app: Flask
) -> None:
    remove_files(models)
    assert client.delete(f"/api/models/{NAME}/2").get_json() == {"classifier": NAME, "removed": 2}
    said = app.test_cli_runner().invoke(args=["models", "delete", NAME, "4", "--reason", "Too old."])
    assert (said.exit_code, said.output) == (0, "cat_dog 4 is removed.\n")
    assert sorted(path.name for path in models.iterdir()) == ["1", "3"]
    assert list(services.registry.versions(NAME)) == [1, 3]
    assert client.delete(f"/api/models/{NAME}/4").status_code == 404
    assert services.models.moves(NAME)[0]["reason"] == "Too old."
    add_version(services.registry.root, NAME, 4)
    initialise(services)
    assert list(services.registry.versions(NAME)) == [1, 3]
    with services.registry.staging(NAME) as staged:
        (models / "1").rename(staged / "whole")
        assert services.registry.register(NAME, staged / "whole") == 5  # no number is given twice


def test_a_version_in_use_is_not_removed(client: FlaskClient, services: Services, models: Path) -> None:
    services.registry.move(NAME, "challenger", 2, "It may be better.")
    for version, word in ((1, "champion"), (2, "challenger")):
        refused = client.delete(f"/api/models/{NAME}/{version}")
        assert (refused.status_code, word in refused.get_json()["detail"]) == (409, True)
    db.session.add(Job(kind="bulk_predict", classifier=NAME, params={"model_version": 3}))
    db.session.commit()
    assert "The job" in client.delete(f"/api/models/{NAME}/3").get_json()["detail"]
    assert {path.name for path in models.iterdir()} == {"1", "2", "3", "4"}


def test_a_rollback_passes_over_removed_versions(services: Services, models: Path) -> None:
    assert models.is_dir()
    for version in (2, 3, 4):
        services.registry.move(NAME, "champion", version, "Better.")
    services.registry.remove(NAME, 3, "Not needed.")
    assert [services.registry.rollback(NAME, "Worse."), services.registry.rollback(NAME, "Worse.")] == [2, 1]
