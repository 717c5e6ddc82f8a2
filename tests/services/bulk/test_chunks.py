from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bulk_steps import CHUNKS, NAME, photographs, predicted_files, sent, work_once
from conftest import Queue, work_through
from job_steps import dead_worker
from sqlalchemy import select, update

from app.config import Settings
from app.errors import Unavailable
from app.services.bulk import chunks
from app.services.bulk.chunks import LEAST, Chunks
from app.services.jobs.heartbeat import SILENCE
from app.services.jobs.jobs import LOST, MAX_ATTEMPTS, Jobs
from app.services.jobs.transitions import events
from app.services.wiring import Services
from app.store.db import db, now
from app.store.tables import Job, JobChunk

NAMES = [f"cat-{seed}.jpg" for seed in range(CHUNKS)]


@pytest.fixture
def job_id(services: Services) -> str:
    return services.batch.submit(NAME, sent(*photographs(CHUNKS))).id


def die(first: int) -> None:
    """Let the worker of a chunk be one that has ended."""
    db.session.execute(update(JobChunk).where(JobChunk.first == first).values(worker=dead_worker()))
    db.session.commit()


def test_each_chunk_has_one_owner_and_the_last_one_done_ends_the_job(services: Services, job_id: str) -> None:
    mine = Chunks(services.jobs)
    one, two = mine.claim(job_id), mine.claim(job_id)
    assert one is not None
    assert two is not None
    assert [(each.first, each.end) for each in (one, two)] == [(0, LEAST), (LEAST, CHUNKS)]
    assert mine.claim(job_id) is None
    job = services.jobs.get(job_id)
    assert (job.status, job.stage, job.attempts) == ("running", "predicting", 1)
    for each in (two, one):
        mine.release(each)
    job = work_through(services, job_id)
    assert (job.status, job.done, job.attempts) == ("succeeded", CHUNKS, 1)
    services.batch.work(job_id)  # a message that comes once more
    assert len(predicted_files(job_id)) == CHUNKS


CUT_SHORT = """
import os, signal, sys
from pathlib import Path
from bulk_steps import Settings, work_once

computed = 0

def offload(compute):
    global computed
    answer, computed = compute(), computed + 1
    if computed == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

work_once(Settings(data_dir=Path(sys.argv[1])), sys.argv[2], offload)
"""


def test_a_chunk_cut_off_by_a_kill_is_answered_by_another_exactly_once(
    services: Services, settings: Settings, job_id: str
) -> None:
    command = [sys.executable, "-c", CUT_SHORT, str(settings.data_dir), job_id]
    env = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL
    db.session.expire_all()
    assert len(predicted_files(job_id)) < 5
    services.jobs.sweep()
    services.batch.sweep()
    job = work_through(services, job_id)
    assert (job.status, job.attempts, job.done, job.errors) == ("succeeded", 1, CHUNKS, [])
    assert sorted(map(str, predicted_files(job_id))) == sorted(NAMES)
    assert [row["file"] for row in services.batch.results(job_id) if row["error"] is None] == NAMES
    assert any("died over images 1 to 16" in event["cause"] for event in events(job_id))


def test_what_a_worker_computed_after_its_chunk_was_given_away_is_dropped(
    services: Services, settings: Settings, job_id: str
) -> None:
    def offload(compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
        if not predicted_files(job_id):
            die(0)
            services.batch.sweep()
            services.batch.work(job_id)
            services.batch.work(job_id)
        return compute()

    work_once(settings, job_id, offload)
    db.session.expire_all()
    assert services.jobs.get(job_id).status == "succeeded"
    assert sorted(map(str, predicted_files(job_id))) == sorted(NAMES)


def test_the_image_that_kills_its_worker_every_time_is_left_out_and_no_other(services: Services) -> None:
    job_id, mine = services.batch.submit(NAME, sent(*photographs(5))).id, Chunks(services.jobs)
    for _ in range(MAX_ATTEMPTS):
        assert mine.claim(job_id) is not None
        die(0)
        services.batch.sweep()
    job = work_through(services, job_id)
    assert (job.status, job.done, [error["file"] for error in job.errors]) == ("succeeded", 5, ["cat-0.jpg"])
    assert sorted(map(str, predicted_files(job_id))) == NAMES[1:5]


def test_a_machine_that_cannot_work_is_tried_again_later_and_fails_the_job_in_the_end(
    services: Services, settings: Settings, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offload(_: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
        raise Unavailable("The disk is gone.")

    for attempt in range(1, MAX_ATTEMPTS + 1):
        work_once(settings, job_id, offload)
        monkeypatch.setattr(chunks, "PAUSE", timedelta(seconds=-attempt))
        db.session.execute(update(JobChunk).where(JobChunk.first == 0).values(claims=0, not_before=None))
        db.session.commit()
    job = services.jobs.get(job_id)
    assert (job.status, len(job.errors)) == ("failed", 1)
    assert "broke off 3 times at image 1: Unavailable: The disk is gone." in job.errors[0]["reason"]
    services.jobs.retry(job_id)
    assert work_through(services, job_id).status == "succeeded"


def test_a_chunk_that_broke_rests_and_others_are_done_meanwhile(
    services: Services, settings: Settings, job_id: str
) -> None:
    def offload(_: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work returns
        raise OSError("The share is gone.")

    work_once(settings, job_id, offload)
    services.batch.work(job_id)
    services.batch.work(job_id)
    rows = db.session.execute(select(JobChunk.finished, JobChunk.worker).order_by(JobChunk.first)).all()
    assert [tuple(row) for row in rows] == [(False, None), (True, None)]
    assert services.jobs.get(job_id).status == "running"


def test_a_lost_message_is_replaced_and_a_lost_end_is_made_up_for(services: Services, job_id: str) -> None:
    queue = Queue()
    mine = Chunks(Jobs(queue.send))
    first = mine.claim(job_id)
    assert first is not None
    mine.pass_on(job_id)
    mine.sweep({"batch"})
    assert queue.sent == [job_id]
    for times, (silence, empty) in enumerate(((LOST, {"batch"}), (SILENCE, set[str]())), start=2):
        long_ago = now() - silence - timedelta(seconds=1)
        db.session.execute(update(Job).values(enqueued_at=long_ago, heartbeat_at=long_ago))
        db.session.commit()
        mine.sweep(empty)
        assert queue.sent == [job_id] * times
    db.session.execute(update(JobChunk).values(finished=True, worker=None))
    db.session.commit()
    services.batch.sweep()
    assert services.jobs.get(job_id).status == "succeeded"
