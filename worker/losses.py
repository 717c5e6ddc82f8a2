"""Says why a training process was lost, where the kernel killed it for lack of memory. Runs in the worker's parent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from billiard.exceptions import WorkerLostError
from celery.signals import task_failure, task_received

from app.factory import EXTENSION, create_core
from app.services.jobs.queues import ROUTES
from app.services.wiring import Services
from app.store.db import db

VMSTAT = Path("/proc/vmstat")
_KILLS = {"before": 0}


def memory_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory since it started; 0 where it does not say."""
    try:
        lines = VMSTAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


@task_received.connect
def remember(**_: Any) -> None:  # noqa: ANN401 - what Celery sends
    """Count before the work begins."""
    _KILLS["before"] = memory_kills()


@task_failure.connect
def explain(sender: Any, exception: BaseException, args: Sequence[Any], **_: Any) -> None:  # noqa: ANN401 - what Celery sends
    """Fail a training whose process was lost while the kernel's count rose; the sweep sees to all other losses."""
    lost = isinstance(exception, WorkerLostError) and sender.name == ROUTES["retrain"].task
    if not lost or memory_kills() == _KILLS["before"]:
        return
    core = create_core()
    services: Services = core.extensions[EXTENSION]
    with core.app_context():
        services.limits.out_of_memory(args[0])
        db.engine.dispose()  # the next child must inherit no connection
