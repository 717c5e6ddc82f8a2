"""Says why a training process was lost, where the kernel killed it for lack of memory. Runs in the worker's parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from billiard.exceptions import WorkerLostError
from celery.signals import task_failure, task_received

from app.factory import EXTENSION, create_core
from app.services.jobs.queues import ROUTES
from app.services.wiring import Services
from app.store.db import db

GROUPS = Path("/sys/fs/cgroup")
_KILLS = {"before": 0}


def memory_kills() -> int:
    """Return how many processes the kernel killed for lack of memory: in this container, else on this machine.

    0 where it does not say.
    """
    for path in (*counters(Path("/proc/self/cgroup")), Path("/proc/vmstat")):
        with suppress(OSError):
            for line in path.read_text(encoding="ascii").splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


def counters(membership: Path, groups: Path = GROUPS) -> Iterator[Path]:
    """Yield where the kernel may count the kills of this process' control group (cgroups 1 and 2).

    A container may see its own group as the root.
    """
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if "memory" in controllers.split(","):
                for place in (group.strip("/"), ""):
                    yield groups / "memory" / place / "memory.oom_control"
            elif not controllers:
                for place in (group.strip("/"), ""):
                    yield groups / place / "memory.events"


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
