"""Versions that share a body: one file on the disk, whole wherever they travel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from bundle_maker import SIZE, make_shared_bundle, photograph
from flask.testing import FlaskClient

from app import create_app
from app.config import Settings
from app.inference.body import BODY, WEIGHTS
from app.inference.engine import OnnxEngine
from app.services.setup import initialise
from app.services.wiring import Services
from app.store.bodies import FOLDER
from app.store.registry import Registry
from app.training.progress import silent

NAME = "cat_dog"


@pytest.fixture
def registry(services: Services) -> Registry:
    """The registry, with versions 2 and 3 that have the same body."""
    for seed in range(2):
        with services.registry.staging(NAME) as folder:
            make_shared_bundle(folder, seed)
            services.registry.register(NAME, folder)
    return services.registry


def shared(registry: Registry) -> set[int]:
    """How many names the files of the shared bodies have, their own in the store among them."""
    return {path.stat().st_nlink for path in (registry.root / FOLDER).iterdir()}


def test_versions_with_the_same_body_have_it_once_until_the_last_is_removed(
    services: Services, registry: Registry
) -> None:
    assert shared(registry) == {3}
    services.models.remove(NAME, 2, "For the test.")
    assert shared(registry) == {2}
    assert services.registry.problem(NAME, 3) is None
    services.models.remove(NAME, 3, "For the test.")
    assert shared(registry) == set()


def test_a_downloaded_version_runs_elsewhere(client: FlaskClient, registry: Registry, tmp_path: Path) -> None:
    with client.get(f"/api/models/{NAME}/3/bundle") as answer:
        (tmp_path / "all.zip").write_bytes(answer.data)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        archive.extractall(tmp_path)
    squares = np.stack([photograph(seed) for seed in range(3)])
    found = OnnxEngine(tmp_path / f"{NAME}-3" / "model.onnx").run(squares)
    assert found.activation is not None
    assert found.activation.shape[:1] == found.embedding.shape[:1] == (3,)
    here = OnnxEngine(registry.folder(NAME, 3) / "model.onnx").run(squares)
    assert np.array_equal(found.probabilities, here.probabilities)
    assert squares.shape[1] == SIZE


def test_a_restored_backup_shares_bodies_again(services: Services, registry: Registry, tmp_path: Path) -> None:
    services.backup.save(tmp_path / "all.zip", silent)
    other = create_app(Settings(data_dir=tmp_path / "other"))
    with other.app_context():
        restored: Services = other.extensions["fovea"]
        initialise(restored)
        restored.backup.load(tmp_path / "all.zip", force=True, progress=silent)
        assert shared(restored.registry) == {3}
        for name in (BODY, WEIGHTS):
            copy = restored.registry.folder(NAME, 2) / name
            assert copy.read_bytes() == (registry.folder(NAME, 2) / name).read_bytes()


def test_tidying_removes_what_a_stopped_removal_left(services: Services, registry: Registry) -> None:
    for version in (2, 3):  # as a process leaves them that is killed before it tidies
        for name in (BODY, WEIGHTS):
            (registry.folder(NAME, version) / name).unlink()
    services.tidy.sweep()
    assert shared(registry) == set()
