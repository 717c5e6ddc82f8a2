from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from bundle_copies import add_version, contradict, damage
from flask import Flask
from sqlalchemy import func, select

from app.config import Settings
from app.drawing import draw
from app.errors import Conflict, InvalidInput, Unavailable
from app.inference.predictor import Predictor
from app.runners import Runners, run_at_once
from app.services.serving import loaded_models
from app.services.serving.predict import PredictionRequest
from app.services.serving.search import PredictionFilter
from app.services.serving.shadow import MAX_WAITING, Shadow, ShadowRequest
from app.services.serving.slot import Model
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Prediction, ShadowAnswer

NAME = "cat_dog"
PETS = [draw(("cat_face", "dog_face")[seed % 2], seed, 96).jpeg() for seed in range(24)]
CAT = PETS[0]
R = TypeVar("R")


@pytest.fixture
def services(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Versions 2, the same as the champion, and 3, which contradicts it; aliases are looked at in every request."""
    monkeypatch.setattr(loaded_models, "LOOK_SECONDS", -1.0)
    add_version(settings.models_dir, NAME, 2)
    contradict(settings.models_dir, NAME, 3)
    found: Services = app.extensions["fovea"]
    return found


def versions(services: Services, images: list[bytes]) -> list[int]:
    return [services.predict.predict(PredictionRequest(image, NAME))["model_version"] for image in images]


def test_a_shadow_is_compared_and_never_given(services: Services) -> None:
    services.traffic.set_traffic(NAME, 3, "shadow", None, "A test.")
    assert set(versions(services, PETS)) == {1}
    assert db.session.scalars(select(Prediction.model_version).distinct()).all() == [1]
    wrong, right = services.history.find(PredictionFilter(NAME), 2).rows
    services.history.correct(right.id, right.predicted_class)
    services.history.correct(wrong.id, "dog" if wrong.predicted_class == "cat" else "cat")
    found = services.traffic.comparison(NAME)
    assert (found["mode"], found["percent"], found["champion"], found["challenger"]) == ("shadow", 100, 1, 3)
    shadow = found["shadow"]
    assert (shadow["n"], shadow["failed"], shadow["dropped"], shadow["agreement"]) == (24, 0, 0, 0)
    assert shadow["agreement_interval"] == pytest.approx([0, 0.138], abs=1e-3)  # Wilson's of 0 of 24
    assert shadow["labelled"]["n"] == 2
    assert (shadow["labelled"]["champion"]["accuracy"], shadow["labelled"]["challenger"]["accuracy"]) == (0.5, 0.5)
    assert all(0 < shadow["compute_ms"][name]["p50"] <= shadow["compute_ms"][name]["p95"] for name in
               ("champion", "challenger"))  # fmt: skip
    assert {each["prediction_id"] for each in shadow["disagreements"]} >= {wrong.id, right.id}


def test_a_twin_agrees(services: Services) -> None:
    services.traffic.set_traffic(NAME, 2, "shadow", None, "A test.")
    versions(services, PETS)
    shadow = services.traffic.comparison(NAME)["shadow"]
    assert (shadow["agreement"], shadow["disagreements"]) == (1.0, [])


def test_a_canary_answers_its_share_and_always_the_same_images(services: Services) -> None:
    services.traffic.set_traffic(NAME, 2, "canary", 50, "A test.")
    first = versions(services, PETS)
    assert first == versions(services, PETS)
    assert set(first) == {1, 2}
    assert services.predict.predict(PredictionRequest(PETS[first.index(2)], NAME, "champion"))["model_version"] == 1
    found = services.traffic.comparison(NAME)["canary"]
    assert (found["champion"]["n"], found["challenger"]["n"]) == (2 * first.count(1) + 1, 2 * first.count(2))
    assert sum(found["challenger"]["decisions"].values()) == 2 * first.count(2)
    services.traffic.set_traffic(NAME, None, "canary", 100, "All of it.")
    assert set(versions(services, PETS)) == {2}
    services.traffic.set_traffic(NAME, None, "off", None, "Enough.")
    assert set(versions(services, PETS)) == {1}
    assert services.traffic.comparison(NAME)["canary"]["challenger"]["n"] == len(PETS)  # of the last one
    settings = services.traffic.comparison(NAME)["history"]
    assert [(each["mode"], each["percent"]) for each in settings] == [("off", 0), ("canary", 100), ("canary", 50)]


def test_whoever_becomes_challenger_later_gets_no_traffic(services: Services) -> None:
    services.traffic.set_traffic(NAME, 2, "canary", 100, "A test.")
    services.models.promote(NAME, 2, "It is good.")
    services.registry.move(NAME, "challenger", 3, "Undecided.")
    assert set(versions(services, PETS)) == {2}
    assert services.traffic.comparison(NAME)["mode"] == "off"


def test_a_challenger_that_cannot_be_used_costs_no_answer(services: Services, settings: Settings) -> None:
    damage(settings.models_dir / NAME / "3")
    with pytest.raises(Unavailable):
        services.traffic.set_traffic(NAME, 3, "canary", 100, "A test.")
    assert services.registry.alias(NAME, "challenger") is None
    bundle = add_version(settings.models_dir, NAME, 4)
    services.traffic.set_traffic(NAME, 4, "canary", 100, "A test.")
    damage(bundle)
    again = loaded_models.Serving(services.registry, Runners())  # as after a restart
    assert again.challenger(NAME) is None
    assert again.champion(NAME).version == 1
    assert again.problems()[f"{NAME} challenger"].startswith("Version 4 cannot be used")


def test_what_makes_no_sense_is_refused(services: Services) -> None:
    with pytest.raises(Conflict, match="has no challenger"):
        services.traffic.set_traffic(NAME, None, "shadow", None, "A test.")
    with pytest.raises(InvalidInput, match="is the champion"):
        services.traffic.set_traffic(NAME, 1, "shadow", None, "A test.")


def test_a_bulk_job_is_the_champions_alone(services: Services) -> None:
    services.traffic.set_traffic(NAME, 2, "canary", 100, "A test.")
    assert services.predict.version(NAME) == 1


class Stuck:
    """Takes work and does not get to it."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def __call__(
        self, compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False
    ) -> Callable[[], None]:
        assert spare
        self.work.append(lambda: then(compute()))
        return lambda: None


def test_a_busy_process_drops_what_it_cannot_ask_and_counts_it(services: Services, settings: Settings) -> None:
    challenger = Model(3, Predictor(settings.models_dir / NAME / "3"))
    answers = [services.predict.predict(PredictionRequest(image, NAME)) for image in PETS[: MAX_WAITING + 3]]
    stuck = Stuck()
    shadow = Shadow(stuck)
    for answer in answers:
        shadow.ask(challenger, ShadowRequest(CAT, False, answer["id"], NAME, 1, 1.0))
    assert len(stuck.work) == MAX_WAITING
    for each in stuck.work:
        each()
    assert db.session.scalar(select(func.sum(ShadowAnswer.dropped))) == 3
    shadow.ask(challenger, ShadowRequest(CAT, False, answers[-1]["id"], NAME, 1, 1.0))
    assert len(stuck.work) == MAX_WAITING + 1


def test_a_challenger_that_fails_is_counted(services: Services, settings: Settings) -> None:
    challenger = Model(3, Predictor(settings.models_dir / NAME / "3"))
    given = services.predict.predict(PredictionRequest(CAT, NAME))
    services.registry.move(NAME, "challenger", 3, "A test.")
    Shadow(run_at_once).ask(challenger, ShadowRequest(b"no image", False, given["id"], NAME, 1, 1.0))
    shadow = services.traffic.comparison(NAME)["shadow"]
    assert (shadow["n"], shadow["failed"]) == (0, 1)
