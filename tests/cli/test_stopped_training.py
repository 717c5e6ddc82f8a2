"""A training by command whose process is stopped or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from job_steps import change, dead_worker, finish, submit

from app.config import CHECKOUT, Settings
from app.services.jobs.jobs import Jobs
from app.services.jobs.transitions import events
from app.services.wiring import Services
from app.store.db import db, now
from app.training.progress import silent

PATIENCE = 120.0


@pytest.fixture
def command(settings: Settings, services: Services) -> Iterator[subprocess.Popen[bytes]]:
    """A `flask train` that has claimed its job."""
    services.datasets.synth("cat_dog", 40, 0, silent)
    env = os.environ | {"DATA_DIR": str(settings.data_dir)}
    line = [sys.executable, "-m", "flask", "--app", "wsgi", "train", "cat_dog", "--weights", "none"]
    process = subprocess.Popen(line, cwd=CHECKOUT, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE
    while not services.jobs.list(status="running"):
        db.session.rollback()
        assert process.poll() is None and time.monotonic() < end  # noqa: PT018 - either means that it never will
        time.sleep(0.1)
    db.session.rollback()
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_command_ends_its_job(
    command: subprocess.Popen[bytes], services: Services, number: signal.Signals
) -> None:
    command.send_signal(number)
    assert command.wait(PATIENCE) != 0
    db.session.expire_all()
    (job,) = services.jobs.list()
    assert job.status == "cancelled"
    assert "The command that ran it was stopped" in events(job.id)[-1]["cause"]


def test_a_killed_command_stands_in_nobodys_way(command: subprocess.Popen[bytes], services: Services) -> None:
    command.kill()
    command.wait()
    (job,) = services.jobs.list()
    assert services.jobs.get(job.id).status == "running"
    services.jobs.run(submit(services.jobs, "retrain"), finish)
    assert sorted(each.status for each in services.jobs.list()) == ["queued", "succeeded"]


def test_cancelling_a_job_whose_worker_is_dead_ends_it_at_once(app: Flask, jobs: Jobs) -> None:
    assert app
    job_id = submit(jobs, "retrain")
    jobs.claim(job_id)
    change(job_id, worker=dead_worker(), heartbeat_at=now())
    assert jobs.cancel(job_id).status == "cancelled"
    assert "Its worker was dead" in events(job_id)[-1]["cause"]
