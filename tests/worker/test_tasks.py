from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config import CHECKOUT, Settings
from app.services.jobs.queues import DELIVER, PRUNE, QUEUES, ROUTES, SWEEP, WORKER_SECONDS, Route
from app.supervisor import commands

DESCRIBE = """
import json
from worker.celery_app import SWEEP_SECONDS, celery_app
celery_app.loader.import_default_modules()
print(json.dumps({
    "tasks": [name for name in celery_app.tasks if not name.startswith("celery.")],
    "schedule": [[entry["task"], entry["options"]["queue"]] for entry in celery_app.conf.beat_schedule.values()],
    "seconds": SWEEP_SECONDS,
    "prefetch": celery_app.conf.worker_prefetch_multiplier,
    "broker": celery_app.conf.broker_url,
}))
"""


@pytest.fixture(scope="module")
def celery(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a worker process knows, asked of one."""
    env = os.environ | {"DATA_DIR": str(tmp_path_factory.mktemp("worker"))}
    ended = subprocess.run(
        [sys.executable, "-c", DESCRIBE], cwd=CHECKOUT, env=env, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_every_kind_of_job_has_its_task_and_no_task_is_left_over(celery: dict[str, Any]) -> None:
    assert sorted(celery["tasks"]) == sorted(route.task for route in (*ROUTES.values(), SWEEP, DELIVER, PRUNE))


@pytest.mark.parametrize("route", [*ROUTES.values(), SWEEP, DELIVER, PRUNE], ids=lambda route: route.task)
def test_every_queue_is_known_and_has_a_worker_that_make_run_starts(tmp_path: Path, route: Route) -> None:
    assert route.queue in QUEUES
    argvs = [command.argv for command in commands.background(Settings(data_dir=tmp_path))]
    served = [argv[argv.index("-Q") + 1] for argv in argvs if "-Q" in argv]
    assert served.count(route.queue) == 1


def test_the_training_worker_runs_one_job_per_process(tmp_path: Path) -> None:
    argvs = [command.argv for command in commands.background(Settings(data_dir=tmp_path))]
    training = next(argv for argv in argvs if "training" in argv)
    assert training[training.index("--max-tasks-per-child") + 1] == "1"


def test_bulk_work_has_a_process_for_each_core_unless_told_otherwise(tmp_path: Path) -> None:
    for given, processes in (({}, os.cpu_count()), ({"batch_concurrency": 5}, 5)):
        argvs = [command.argv for command in commands.background(Settings(data_dir=tmp_path, **given))]
        batch = next(argv for argv in argvs if "batch" in argv)
        assert batch[batch.index("-c") + 1] == str(processes)


def test_what_died_is_looked_for_often(celery: dict[str, Any]) -> None:
    assert celery["schedule"] == [[each.task, each.queue] for each in (SWEEP, DELIVER, PRUNE)]
    assert celery["seconds"] <= WORKER_SECONDS


def test_a_worker_takes_no_message_ahead_of_its_time(celery: dict[str, Any]) -> None:
    assert celery["prefetch"] == 1
    assert celery["broker"].startswith("redis+socket://")
