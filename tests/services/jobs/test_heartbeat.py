from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psutil
from job_steps import STRANGER

from app.services.jobs.heartbeat import BIRTH, SILENCE, STALL, is_dead, this_worker
from app.store.db import now


def test_a_silent_worker_of_another_machine_is_dead() -> None:
    assert not is_dead(STRANGER, now())
    assert is_dead(STRANGER, now() - SILENCE - timedelta(seconds=1))


def test_a_process_of_this_machine_that_is_seen_to_live_may_be_silent_for_longer() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        born = datetime.fromtimestamp(psutil.Process(process.pid).create_time(), UTC)
        worker = f"{this_worker().partition(':')[0]}:{process.pid}"
        assert not is_dead(worker, born)
        assert is_dead(worker, born + STALL + timedelta(hours=1))
        assert is_dead(worker, born - timedelta(seconds=2 * BIRTH))  # that was another of the same number
        process.kill()
    assert is_dead(worker, born)
