from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ON_BOTH
from flask import Flask

from app.classifiers.card import CARD_NAME
from app.config import CHECKOUT
from app.errors import Conflict, NotFound, Unavailable
from app.services.wiring import Services
from app.store.db import db
from app.store.registry import Registry
from app.store.tables import Job

DEMO = CHECKOUT / "models" / "cat_dog" / "1"
NAME = "cat_dog"

pytestmark = ON_BOTH


@pytest.fixture
def registry(app: Flask) -> Registry:
    """The registry of a fresh application, where version 1 serves."""
    services: Services = app.extensions["fovea"]
    return services.registry


def write_half(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"half")
    raise OSError("The disk is full.")


def add(registry: Registry, job_id: str | None = None) -> int:
    with registry.staging(NAME) as folder:
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        return registry.register(NAME, folder, job_id)


def folders(registry: Registry) -> list[str]:
    return sorted(path.name for path in (registry.root / NAME).iterdir())


def test_the_first_start_adopts_the_demonstration_models(registry: Registry) -> None:
    assert registry.champion(NAME) == 1
    assert registry.card(NAME, 1).demo
    assert registry.adopt(NAME) == []


def test_versions_are_numbered_in_order_and_appear_whole(registry: Registry) -> None:
    db.session.add(job := Job(kind="retrain", classifier=NAME))
    db.session.commit()
    assert [add(registry), add(registry, job.id)] == [2, 3]
    assert folders(registry) == ["1", "2", "3"]
    assert registry.by_job(job.id) == 3
    assert registry.by_job("another") is None
    assert registry.champion(NAME) == 1  # a number promotes nobody


def test_a_bundle_half_written_is_never_seen(registry: Registry) -> None:
    with pytest.raises(OSError, match="full"), registry.staging(NAME) as folder:
        write_half(folder)
    assert folders(registry) == ["1"]
    assert list(registry.versions(NAME)) == [1]


def test_a_number_is_never_given_twice(registry: Registry, app: Flask) -> None:
    shutil.copytree(DEMO, registry.root / NAME / "5")  # a folder that no row knows
    assert add(registry) == 6
    assert registry.adopt(NAME) == [5]

    def register(_: int) -> int:
        with app.app_context():
            return add(registry)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(register, range(8))) == list(range(7, 15))


def test_the_registry_that_finds_the_first_bundle_lets_it_serve(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no trained model yet"):
        registry.champion("shapes")
    for version in ("2", "1", ".new-half"):
        (registry.root / "shapes" / version).mkdir(parents=True)
        (registry.root / "shapes" / version / CARD_NAME).write_text("{}")
    assert registry.adopt("shapes") == [1, 2]
    assert registry.champion("shapes") == 1


def test_an_alias_points_at_an_existing_version_only(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no model version 9"):
        registry.move(NAME, "champion", 9, "By mistake.")
    assert registry.champion(NAME) == 1


def test_a_promoted_challenger_is_challenger_no_more(registry: Registry) -> None:
    add(registry)
    registry.move(NAME, "challenger", 2, "It may be worse.")
    assert (registry.champion(NAME), registry.alias(NAME, "challenger")) == (1, 2)
    registry.move(NAME, "champion", 2, "A person said so.")
    assert (registry.champion(NAME), registry.alias(NAME, "challenger")) == (2, None)
    assert [move.reason for move in registry.moves(NAME)][-2:] == ["It may be worse.", "First bundle found."]


def test_rollbacks_walk_back_through_the_promotions(registry: Registry) -> None:
    for version in (2, 3):
        assert add(registry) == version
        registry.move(NAME, "champion", version, "Better.")
    assert [registry.rollback(NAME, "Worse."), registry.rollback(NAME, "Worse.")] == [2, 1]
    with pytest.raises(Conflict, match="no promotion left to undo"):
        registry.rollback(NAME, "Worse.")
    assert registry.champion(NAME) == 1
    registry.move(NAME, "champion", 3, "Better after all.")
    registry.move(NAME, "champion", 3, "Said twice.")
    assert registry.rollback(NAME, "No.") == 1


def test_a_rollback_skips_nothing_but_what_was_undone(registry: Registry) -> None:
    for version in (2, 3):
        add(registry)
        registry.move(NAME, "champion", version, "Better.")
    registry.rollback(NAME, "Worse.")
    registry.move(NAME, "champion", 1, "By hand.")
    assert [registry.rollback(NAME, "x"), registry.rollback(NAME, "x")] == [2, 1]


def test_a_damaged_card_is_said_to_be(registry: Registry) -> None:
    card: Path = registry.folder(NAME, 1) / CARD_NAME
    card.write_text("{}")
    with pytest.raises(Unavailable, match="card of cat_dog version 1 is damaged"):
        registry.card(NAME, 1)
    card.unlink()
    with pytest.raises(NotFound):
        registry.folder(NAME, 1)
