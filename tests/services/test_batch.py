from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.drawing import draw
from app.errors import InvalidInput, NotFound
from app.factory import create_core
from app.services import wiring
from app.services.archive import Upload
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Job, Prediction

NAME = "cat_dog"


@pytest.fixture
def services(app: Flask) -> Services:
    found: Services = app.extensions["fovea"]
    return found


def upload(name: str, data: bytes) -> Upload:
    return Upload(name, io.BytesIO(data))


def photographs(count: int) -> list[Upload]:
    return [upload(f"cat-{seed}.jpg", draw("cat_face", seed, 96).jpeg()) for seed in range(count)]


def predicted_files(job: Job) -> list[str | None]:
    return list(db.session.scalars(select(Prediction.filename).where(Prediction.job_id == job.id)))


def test_every_image_is_answered_in_the_order_of_submission_and_a_bad_one_is_an_error_row(services: Services) -> None:
    uploads = [upload("text.jpg", b"not an image"), *photographs(2), upload("empty.png", b"")]
    job = services.batch.submit(NAME, uploads)
    assert (job.kind, job.status, job.total) == ("bulk_predict", "queued", 3)
    services.jobs.run(job.id, services.batch.run)
    job = services.jobs.get(job.id)
    assert (job.status, job.done, job.total, job.percent) == ("succeeded", 3, 3, 100.0)
    assert [error["file"] for error in job.errors] == ["empty.png", "text.jpg"]
    assert job.result is not None
    assert (job.result["images"], job.result["failed"], sum(job.result["classes"].values())) == (3, 1, 2)
    rows = list(services.batch.results(job.id))
    assert [row["file"] for row in rows] == ["text.jpg", "cat-0.jpg", "cat-1.jpg"]
    assert [row["error"] is None for row in rows] == [False, True, True]
    assert {row["model_version"] for row in rows[1:]} == {1}


def run_here(settings: Settings, job_id: str, offload: Callable[[Callable[[], Any]], Any]) -> None:
    """Do the job in this process, with `offload` in the place where images are computed."""
    with create_core(settings).app_context():
        services = wiring.build(settings, lambda _: False, offload)
        services.jobs.run(job_id, services.batch.run)


CUT_SHORT = """
import os, signal, sys
from pathlib import Path
from test_batch import Settings, run_here

computed = 0

def offload(compute):
    global computed
    answer, computed = compute(), computed + 1
    if computed == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

run_here(Settings(data_dir=Path(sys.argv[1])), sys.argv[2], offload)
"""


def test_a_job_cut_off_by_a_kill_answers_every_image_exactly_once(services: Services, settings: Settings) -> None:
    job = services.batch.submit(NAME, photographs(7))
    command = [sys.executable, "-c", CUT_SHORT, str(settings.data_dir), job.id]
    env = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL
    db.session.expire_all()
    assert services.jobs.get(job.id).status == "running"
    assert len(predicted_files(job)) == 3
    services.jobs.sweep()
    services.jobs.run(job.id, services.batch.run)
    job = services.jobs.get(job.id)
    assert (job.status, job.attempts, job.done) == ("succeeded", 2, 7)
    expected = [f"cat-{seed}.jpg" for seed in range(7)]
    assert sorted(filter(None, predicted_files(job))) == expected
    assert [row["file"] for row in services.batch.results(job.id) if row["error"] is None] == expected


def test_a_cancelled_job_keeps_what_it_answered_and_a_retry_does_the_rest(
    services: Services, settings: Settings
) -> None:
    job = services.batch.submit(NAME, photographs(3))
    computed = 0

    def offload(compute: Callable[[], Any]) -> object:
        nonlocal computed
        computed += 1
        if computed == 1:
            services.jobs.cancel(job.id)
        return compute()

    run_here(settings, job.id, offload)
    db.session.expire_all()
    assert services.jobs.get(job.id).status == "cancelled"
    answered = len(predicted_files(job))
    assert 1 <= answered < 3
    services.jobs.retry(job.id)
    run_here(settings, job.id, lambda compute: compute())
    assert len(predicted_files(job)) == 3


@pytest.mark.parametrize(
    ("uploads", "sentence"),
    [
        ([], "No image was sent"),
        ([upload("empty.jpg", b"")], r"None of the 1 files .* empty\.jpg: empty file"),
        ([upload("good.jpg", b"good"), upload("eyes.zip", b"no archive")], "not a zip archive"),
    ],
)
def test_what_cannot_be_a_job_leaves_neither_row_nor_file(
    services: Services, uploads: list[Upload], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        services.batch.submit(NAME, uploads)
    db.session.rollback()
    assert services.jobs.list() == []
    assert list(services.settings.uploads_dir.rglob("*")) == []


def test_an_unknown_job_or_classifier_is_not_found(services: Services) -> None:
    with pytest.raises(NotFound, match="no classifier 'cats'"):
        services.batch.submit("cats", photographs(1))
    with pytest.raises(NotFound, match="no job"):
        list(services.batch.results("x"))
