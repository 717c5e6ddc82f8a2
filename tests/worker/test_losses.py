from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask

from app.config import CHECKOUT, Settings
from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Job

GROUPS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}
LIMIT = 60_000_000
REPORT = """
import subprocess, sys
from types import SimpleNamespace
from billiard.exceptions import WorkerLostError
from worker import losses
job_id, group = sys.argv[1:]
losses.remember()
if group:
    eat = "import os; open(%r, 'w').write(str(os.getpid())); b = bytearray(500_000_000)" % f"{group}/cgroup.procs"
    print(subprocess.run([sys.executable, "-c", eat]).returncode)
losses.explain(SimpleNamespace(name="fovea.retrain"), WorkerLostError("signal 9"), [job_id])
"""


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group whose processes may take 60 MB."""
    for root, limit in GROUPS.items():
        group = root / f"fovea-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(LIMIT))
                yield group
            finally:
                group.rmdir()
            return
    pytest.skip("A memory that runs out needs root and control groups for memory.")


def report(settings: Settings, job_id: str, group: str) -> str:
    env = os.environ | {"DATA_DIR": str(settings.data_dir)}
    command = [sys.executable, "-c", REPORT, job_id, group]
    return subprocess.run(command, cwd=CHECKOUT, env=env, check=True, capture_output=True, text=True).stdout


def training(app: Flask) -> str:
    services: Services = app.extensions["fovea"]
    job = services.jobs.submit(Job(kind="retrain", classifier="cat_dog", params={}))
    assert services.jobs.claim(job.id)
    return job.id


def test_a_training_that_the_kernel_killed_for_memory_fails_with_what_to_change(
    app: Flask, settings: Settings, small_memory: Path
) -> None:
    job_id = training(app)
    assert report(settings, job_id, str(small_memory)).strip() == str(-signal.SIGKILL)
    db.session.expire_all()
    job = db.session.get_one(Job, job_id)
    assert job.status == "failed"
    assert "memory ran out; choose a smaller backbone" in job.errors[0]["reason"]


def test_any_other_loss_is_left_to_the_sweep(app: Flask, settings: Settings) -> None:
    job_id = training(app)
    report(settings, job_id, "")
    db.session.expire_all()
    assert db.session.get_one(Job, job_id).status == "running"
