"""The Celery app: two queues and a schedule."""

from __future__ import annotations

import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import heartbeat_sent, worker_ready

from app.config import Settings
from app.producer import BROKER_OPTIONS, broker_url
from app.services.queues import SWEEP, Queues

SWEEP_SECONDS = 15

# Celery warns root of pickled messages, which are not accepted here; in a container root is often the only user.
warnings.filterwarnings("ignore", category=SecurityWarning)

_settings = Settings.from_env()
_queues = Queues(_settings.redis)

celery_app = Celery("fovea", broker=broker_url(_settings.redis), include=["worker.tasks"])
celery_app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options=BROKER_OPTIONS,
    task_ignore_result=True,  # the job's row is the result
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    beat_schedule={
        "sweep": {
            "task": SWEEP.task,
            "schedule": SWEEP_SECONDS,
            "options": {"queue": SWEEP.queue, "expires": SWEEP_SECONDS},
        }
    },
)


@worker_ready.connect
@heartbeat_sent.connect
def show_life(sender: Any, **_: Any) -> None:  # noqa: ANN401 - Celery's sender
    """Tell the dashboard that this worker lives."""
    _queues.beat(sender.hostname if hasattr(sender, "hostname") else sender.eventer.hostname)
