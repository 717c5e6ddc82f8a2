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
from worker import losses

GROUPS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}
LIMIT = 600_000_000
REPORT = """
import subprocess, sys
from types import SimpleNamespace
from billiard.exceptions import WorkerLostError
from worker import losses
job_id, group = sys.argv[1:]
if group:
    open(f"{group}/cgroup.procs", "w").write("0")
losses.remember()
if group:
    print(subprocess.run([sys.executable, "-c", "b = bytearray(2_000_000_000)"]).returncode)
losses.explain(SimpleNamespace(name="fovea.retrain"), WorkerLostError("signal 9"), [job_id])
"""


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group whose processes may take 600 MB, like that of a container."""
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


@pytest.mark.parametrize(
    ("membership", "counter"),
    [
        ("0::/fovea\n", "fovea/memory.events"),
        ("0::/../../host\n", "memory.events"),
        ("4:memory:/docker/1\n0::/\n", "memory/docker/1/memory.oom_control"),
        ("4:cpu,memory:/docker/1\n", "memory/memory.oom_control"),
    ],
)
def test_the_kills_of_the_own_container_are_counted_not_those_of_the_machine(
    tmp_path: Path, membership: str, counter: str
) -> None:
    (tmp_path / "membership").write_text(membership)
    path = tmp_path / "groups" / counter
    path.parent.mkdir(parents=True)
    path.write_text("oom 3\noom_kill 2\n")
    found = [each for each in losses.counters(tmp_path / "membership", tmp_path / "groups") if each.exists()]
    assert found == [path]


def test_any_other_loss_is_left_to_the_sweep(app: Flask, settings: Settings) -> None:
    job_id = training(app)
    report(settings, job_id, "")
    db.session.expire_all()
    assert db.session.get_one(Job, job_id).status == "running"
