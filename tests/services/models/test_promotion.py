"""From a registered version to its verdict, without any training: the version is a copy of the one that serves."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.classifiers.card import CARD_NAME
from app.classifiers.spec import Split
from app.drawing import draw
from app.errors import Conflict, Enough
from app.services.datasets import test_set
from app.services.datasets.intake import LabelledImage
from app.services.jobs.jobs import JobProgress
from app.services.models.retrain import TrainingRequest
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import CORRECTION, Image, Job
from app.training.data.drawn import SOURCE
from app.training.evaluation.reuse import FRESH_FROM
from app.training.progress import silent

NAME = "cat_dog"


@pytest.fixture
def services(app: Flask) -> Services:
    found: Services = app.extensions["fovea"]
    found.datasets.synth(NAME, 40, 11, silent)
    return found


def _registered(services: Services, promote: str = "auto", **changes: object) -> Job:
    """A training job that was cut off after its version 2 was registered."""
    job = services.retrain.prepare(TrainingRequest(NAME, promote=promote))
    db.session.add(job)
    db.session.commit()
    with services.registry.staging(NAME) as folder:
        shutil.copytree(services.registry.folder(NAME, 1), folder, dirs_exist_ok=True)
        card = json.loads((folder / CARD_NAME).read_text())
        (folder / CARD_NAME).write_text(json.dumps(card | changes))
        services.registry.register(NAME, folder, job.id)
    return job


def _add(services: Services, count: int, split: Split | None, source: str = "upload") -> None:
    spec = services.catalog[NAME]
    for seed in range(count):
        label = ("cat", "dog")[seed % 2]
        data = draw(f"{label}_face", 8_000_000 + seed, 64).jpeg()
        services.intake.add(spec, LabelledImage(data, f"{label}.{seed}.jpg", label, split=split, source=source))


def _run(services: Services, job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """Do the job; return its result and the figures of the verdict."""
    services.jobs.run(job.id, services.training_run().run)
    result, verdict = services.jobs.get(job.id).result, services.models.verdict(NAME, 2)
    assert result is not None
    assert verdict is not None
    return result, verdict["figures"]


def test_an_equal_version_is_promoted_and_the_verdict_is_kept_for_ever(services: Services) -> None:
    _add(services, 200, "test", SOURCE)  # so many that no more than the margin can be hidden, and no copies
    job = _registered(services)
    result, figures = _run(services, job)
    assert (result["promoted"], result["champion_version"]) == (True, 2)
    verdict = services.models.verdict(NAME, 2)
    assert verdict is not None
    assert (figures["champion_version"], figures["difference"], figures["mcnemar"]["p"]) == (1, 0.0, 1.0)
    assert min(figures["milliseconds"].values()) > 0
    assert figures["bytes"]["challenger"] == figures["bytes"]["champion"] > 10_000
    assert (figures["left_out"], figures["training_known"], figures["test_set"]["used"]) == (0, False, 1)
    (row,) = [row for row in services.models.versions(NAME) if row["version"] == 2]
    assert row["verdict"] == verdict

    services.training_run().run(job)  # as after a worker's death at the very end
    assert services.models.verdict(NAME, 2) == verdict
    assert [move["version"] for move in services.models.moves(NAME)].count(2) == 1
    assert "version 2 promoted" in str(services.models.document(NAME, 2))


def test_on_few_images_an_equal_version_waits_and_can_be_promoted_by_hand(services: Services) -> None:
    result, figures = _run(services, _registered(services))
    assert (result["promoted"], result["undecided"], result["champion_version"]) == (False, True, 1)
    assert result["reasons"][0].startswith("Undecided")
    assert sum(figures["needed"].values()) > 150
    assert f"About {sum(figures['needed'].values()):,} test images" in result["reasons"][1]
    assert services.registry.alias(NAME, "challenger") == 2
    services.models.promote(NAME, 2, "I looked at it.")
    assert services.registry.champion(NAME) == 2


def test_a_demonstration_model_gives_way_to_one_of_the_users_images(services: Services) -> None:
    _add(services, 4, "test")
    result, figures = _run(services, _registered(services, demo=False))
    assert (figures["demonstration"], result["promoted"]) == (True, True)
    assert "demonstration model" in result["reasons"][0]


def test_what_the_champion_learned_from_does_not_judge_it(services: Services) -> None:
    division = services.versions.freeze(NAME, silent)
    path = services.settings.models_dir / NAME / "1" / CARD_NAME
    card = json.loads(path.read_text())
    card["data"]["sha256"] = division.version
    path.write_text(json.dumps(card))
    learned = [each.sha256 for each in division.samples if each.split == "train"][:3]
    db.session.execute(update(Image).where(Image.sha256.in_(learned)).values(split="test"))
    db.session.commit()
    _, figures = _run(services, _registered(services))
    tests = [each for each in division.samples if each.split == "test"]
    assert (figures["left_out"], figures["images"], figures["training_known"]) == (3, len(tests), True)


def test_a_correction_is_for_training_whatever_it_is_given_as(services: Services) -> None:
    _add(services, 6, "test", CORRECTION)
    samples = services.versions.freeze(NAME, silent).samples
    assert {each.split for each in samples if each.source == CORRECTION} == {"train"}


def test_the_times_that_test_images_are_used_are_counted(services: Services) -> None:
    _run(services, _registered(services))
    tests = [each.sha256 for each in services.versions.preview(NAME).samples if each.split == "test"]
    assert test_set.state(NAME, tests) == {"used": 2, "fresh_needed_from": FRESH_FROM, "fresh_needed": False}
    for _ in range(FRESH_FROM - 2):
        test_set.count(NAME, tests)
    db.session.commit()
    assert test_set.state(NAME, tests)["fresh_needed"]
    assert set(db.session.scalars(select(Image.tested).where(Image.sha256.not_in(tests)))) == {0}


@pytest.mark.parametrize(("policy", "challenger"), [("manual", 2), ("never", None)])
def test_the_policy_decides_who_promotes(services: Services, policy: str, challenger: int | None) -> None:
    job = _registered(services, promote=policy)
    services.jobs.run(job.id, services.training_run().run)
    assert services.registry.champion(NAME) == 1
    assert services.registry.alias(NAME, "challenger") == challenger
    verdict = services.models.verdict(NAME, 2)
    assert verdict is not None
    assert verdict["figures"]["difference"] == 0.0  # measured all the same


def test_a_version_that_takes_dogs_for_cats_does_not_serve(services: Services) -> None:
    classes = services.registry.card(NAME, 1).classes
    job = _registered(services, classes=classes[::-1])
    services.jobs.run(job.id, services.training_run().run)
    verdict = services.models.verdict(NAME, 2)
    assert verdict is not None
    assert (verdict["promoted"], services.registry.champion(NAME)) == (False, 1)


def test_what_a_cancelled_training_keeps_becomes_the_challenger_and_never_serves_by_itself(services: Services) -> None:
    job = _registered(services)

    def work(claimed: Job) -> dict[str, object]:
        services.jobs.progress(claimed, JobProgress("reading images", 1, 1, 10.0, {"epoch": 1.0, "loss": 0.5}))
        assert services.jobs.cancel(claimed.id, keep=True).cancel_requested
        with pytest.raises(Enough):
            services.jobs.progress(claimed, JobProgress("training", 1, 500, 10.1))
        return services.training_run().run(claimed)

    services.jobs.run(job.id, work)
    ended = services.jobs.get(job.id)
    assert ended.status == "cancelled"
    assert ended.result is not None
    assert (ended.result["model_version"], ended.result["promoted"]) == (2, False)
    assert services.registry.champion(NAME) == 1
    assert services.registry.alias(NAME, "challenger") == 2
    with pytest.raises(Conflict, match="version 2"):
        services.jobs.retry(job.id)
