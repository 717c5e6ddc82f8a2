"""From a registered version to its verdict, without any training: the version is a copy of the one that serves."""

from __future__ import annotations

import json
import shutil

import pytest
from flask import Flask

from app.classifiers.card import CARD_NAME
from app.errors import Conflict, Enough
from app.services.jobs.jobs import JobProgress
from app.services.models.retrain import TrainingRequest
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Job
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


def test_an_equal_version_is_promoted_and_the_verdict_is_kept_for_ever(services: Services) -> None:
    job = _registered(services)
    services.jobs.run(job.id, services.training_run().run)
    result = services.jobs.get(job.id).result
    assert result is not None
    assert (result["promoted"], result["champion_version"]) == (True, 2)
    verdict = services.models.verdict(NAME, 2)
    assert verdict is not None
    figures = verdict["figures"]
    assert (figures["champion_version"], figures["difference"], figures["mcnemar"]["p"]) == (1, 0.0, 1.0)
    assert min(figures["milliseconds"].values()) > 0
    assert figures["bytes"]["challenger"] == figures["bytes"]["champion"] > 10_000
    assert figures["images"] > 0
    (row,) = [row for row in services.models.versions(NAME) if row["version"] == 2]
    assert row["verdict"] == verdict

    services.training_run().run(job)  # as after a worker's death at the very end
    assert services.models.verdict(NAME, 2) == verdict
    assert [move["version"] for move in services.models.moves(NAME)].count(2) == 1
    assert "version 2 promoted" in str(services.models.document(NAME, 2))


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
