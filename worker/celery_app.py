"""The Celery app: three queues and a schedule."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import heartbeat_sent, worker_process_init, worker_ready

from app import logs
from app.config import PRIVATE, Settings
from app.lifeline import die_with_parent
from app.producer import BROKER_OPTIONS
from app.services.jobs.queues import DELIVER, PRUNE, SWEEP, Queues

SWEEP_SECONDS = 15
FIRST_TO_GO = 500  # of 1000: when memory runs out, the kernel takes a job before the web server
NICENESS = 10  # predictions go first; what they leave of the processors is for jobs
PRUNE_SECONDS = 3600

# Celery warns root of pickled messages, which are not accepted here; in a container root is often the only user.
warnings.filterwarnings("ignore", category=SecurityWarning)

os.umask(PRIVATE)
logs.configure()
_settings = Settings.from_env()
# Seconds. The sweep fails a training that takes too long, which stops at its next step; one that makes none is killed.
LONGEST_TRAINING = 3600 * _settings.training_hours + 600
_queues = Queues(_settings.redis)

celery_app = Celery("fovea", broker=_settings.broker, include=["worker.tasks", "worker.losses"])
celery_app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options=BROKER_OPTIONS,
    task_ignore_result=True,  # the job's row is the result
    worker_prefetch_multiplier=1,
    worker_proc_alive_timeout=60,  # a busy machine may need more than the usual four seconds to start a child
    worker_disable_prefetch=True,  # a busy machine keeps no job from an idle one
    worker_hijack_root_logger=False,
    beat_schedule={
        "sweep": {
            "task": SWEEP.task,
            "schedule": SWEEP_SECONDS,
            "options": {"queue": SWEEP.queue, "expires": SWEEP_SECONDS},
        },
        "deliver": {
            "task": DELIVER.task,
            "schedule": SWEEP_SECONDS,
            "options": {"queue": DELIVER.queue, "expires": SWEEP_SECONDS},
        },
        "prune": {
            "task": PRUNE.task,
            "schedule": PRUNE_SECONDS,
            "options": {"queue": PRUNE.queue, "expires": PRUNE_SECONDS},
        },
    },
)


@worker_ready.connect
@heartbeat_sent.connect
def show_life(sender: Any, **_: Any) -> None:  # noqa: ANN401 - Celery's sender
    """Tell the dashboard that this worker lives."""
    _queues.beat(sender.hostname if hasattr(sender, "hostname") else sender.eventer.hostname)


@worker_process_init.connect
def make_way(**_: Any) -> None:  # noqa: ANN401 - what Celery sends
    """Let the processes that do jobs stand back behind those that answer requests."""
    die_with_parent()  # otherwise it would work on, unseen, holding what the next start needs
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")
    with suppress(OSError):  # Linux weighs sessions first, and each program that `make run` starts has its own
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")
