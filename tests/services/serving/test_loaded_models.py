from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from bundle_copies import add_version, damage
from flask import Flask

from app.config import Settings
from app.errors import Unavailable
from app.runners import Runners
from app.services.serving import loaded_models as module
from app.services.serving import slot
from app.services.serving.loaded_models import Serving
from app.store.bundles import LocalBundles
from app.store.registry import Registry

NAME = "cat_dog"
R = TypeVar("R")


class Later:
    """Does the work beside the requests when it is told to, or when somebody waits for it."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def __call__(
        self, compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False
    ) -> Callable[[], None]:
        assert not spare
        self.work.append(lambda: then(compute()))
        return self.do

    def do(self) -> None:
        work, self.work = self.work, []
        for each in work:
            each()


@pytest.fixture
def registry(app: Flask, settings: Settings) -> Registry:
    assert app
    for version in (2, 3):
        add_version(settings.models_dir, NAME, version)
    damage(settings.models_dir / NAME / "3")
    return Registry(settings.models_dir, LocalBundles())


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def serving(registry: Registry, later: Later, monkeypatch: pytest.MonkeyPatch) -> Serving:
    """It looks at every request, and takes none of its looks for outdated."""
    monkeypatch.setattr(module, "LOOK_SECONDS", -1.0)
    monkeypatch.setattr(module, "HOLD_SECONDS", 1e9)
    return Serving(registry, Runners(run_in_background=later))


def test_the_old_model_answers_until_the_new_one_is_ready(serving: Serving, registry: Registry, later: Later) -> None:
    assert serving.champion(NAME).version == 1
    registry.move(NAME, "champion", 2, "A test.")
    assert [serving.champion(NAME).version for _ in range(3)] == [1, 1, 1]
    assert len(later.work) == 1  # it is loaded once
    later.do()
    assert serving.champion(NAME).version == 2
    assert registry.rollback(NAME, "A test.") == 1
    assert serving.champion(NAME).version == 2
    later.do()
    assert serving.champion(NAME).version == 1


def test_a_damaged_model_leaves_the_old_one_and_is_reported(
    serving: Serving, registry: Registry, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    assert serving.champion(NAME).version == 1
    registry.move(NAME, "champion", 3, "A test.")
    serving.champion(NAME)
    later.do()
    assert serving.champion(NAME).version == 1
    assert later.work == []  # it is not tried again at once
    problem = serving.problems()[NAME]
    assert problem.startswith("Version 3 cannot be used: ")
    assert problem.endswith("copy the bundle again. Version 1 goes on answering.")
    assert [record.getMessage() for record in caplog.records] == [f"{NAME}: {problem}"]
    registry.rollback(NAME, "A test.")
    assert serving.champion(NAME).version == 1
    assert serving.problems() == {}


def test_a_repaired_model_is_found_by_and_by(
    serving: Serving, registry: Registry, later: Later, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.champion(NAME).version == 1
    registry.move(NAME, "champion", 3, "A test.")
    serving.champion(NAME)
    later.do()
    for path in (settings.models_dir / NAME / "1").glob("*.onnx"):
        (settings.models_dir / NAME / "3" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(slot, "RETRY_SECONDS", 0.0)
    serving.champion(NAME)
    later.do()
    assert serving.champion(NAME).version == 3
    assert serving.problems() == {}


def test_a_process_that_starts_with_a_damaged_champion_takes_the_one_before(
    serving: Serving, registry: Registry
) -> None:
    registry.move(NAME, "champion", 2, "A test.")
    registry.move(NAME, "champion", 3, "A test.")
    assert serving.champion(NAME).version == 2
    assert serving.problems()[NAME].endswith("Version 2 goes on answering.")


def test_where_nothing_can_be_used_the_answer_says_why(
    serving: Serving, registry: Registry, settings: Settings
) -> None:
    damage(settings.models_dir / NAME / "1")
    registry.move(NAME, "champion", 3, "A test.")
    with pytest.raises(Unavailable, match="Version 3 cannot be used"):
        serving.champion(NAME)


def test_who_has_not_looked_for_long_waits_for_the_new_model(
    serving: Serving, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.champion(NAME).version == 1
    registry.move(NAME, "champion", 2, "A test.")
    monkeypatch.setattr(module, "HOLD_SECONDS", -1.0)
    assert serving.champion(NAME).version == 2


def test_an_alias_that_moves_back_while_the_new_model_loads_stays(
    serving: Serving, registry: Registry, later: Later
) -> None:
    assert serving.champion(NAME).version == 1
    registry.move(NAME, "champion", 2, "A test.")
    serving.champion(NAME)
    registry.rollback(NAME, "A test.")
    serving.champion(NAME)
    later.do()
    assert serving.champion(NAME).version == 1
    assert later.work == []
