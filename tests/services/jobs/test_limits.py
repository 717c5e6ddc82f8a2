from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import Queue
from flask import Flask
from job_steps import change, submit

from app.config import Settings
from app.errors import Cancelled, TooLarge, Unavailable
from app.services.jobs.jobs import MAX_ATTEMPTS, JobProgress, Jobs
from app.services.jobs.limits import Limits
from app.store.db import now


@pytest.fixture
def limits(app: Flask, jobs: Jobs, settings: Settings) -> Limits:
    assert app
    return Limits(settings.model_copy(update={"training_hours": 2, "training_memory_mb": 1}), jobs)


def test_a_training_that_has_no_room_is_refused_before_it_begins(limits: Limits) -> None:
    limits.check_disk(1, 32)
    with pytest.raises(Unavailable, match=r"images of 224 pixels needs \d+ MB in .*, where \d+ MB are free"):
        limits.check_disk(10**10, 224)


def test_a_training_that_takes_more_memory_than_it_may_is_told_what_to_change(limits: Limits, jobs: Jobs) -> None:
    with pytest.raises(TooLarge, match=r"TRAINING_MEMORY_MB allows 1; choose a smaller backbone"):
        limits.check_memory()
    Limits(Settings(), jobs).check_memory()


def test_a_training_that_takes_too_long_fails_and_stops_at_its_next_step(limits: Limits, jobs: Jobs) -> None:
    job = jobs.claim(submit(jobs, "retrain"))
    assert job is not None
    limits.sweep()
    assert jobs.get(job.id).status == "running"
    change(job.id, started_at=now() - timedelta(hours=2, seconds=1))
    limits.sweep()
    assert jobs.get(job.id).status == "failed"
    assert "the 2 hours of TRAINING_HOURS; retry it to go on" in jobs.get(job.id).errors[0]["reason"]
    with pytest.raises(Cancelled):
        jobs.progress(job, JobProgress("training", 1, 2, 50.0))


def test_what_the_system_killed_for_memory_is_not_tried_again(limits: Limits, jobs: Jobs, queue: Queue) -> None:
    job_id = submit(jobs, "retrain")
    jobs.claim(job_id)
    limits.out_of_memory(job_id)
    jobs.sweep()
    job = jobs.get(job_id)
    assert (job.status, job.attempts, queue.sent) == ("failed", 1, [job_id])
    assert "memory ran out; choose a smaller backbone" in job.errors[0]["reason"]
    assert MAX_ATTEMPTS > 1


def test_a_full_disk_is_called_so(jobs: Jobs) -> None:
    def fill(_: object) -> dict[str, object]:
        with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - every write there meets a full disk
            full.write(b"x")
        return {}

    job_id = submit(jobs, "retrain")
    jobs.run(job_id, fill)
    assert jobs.get(job_id).errors[0]["reason"].startswith("The disk is full")
