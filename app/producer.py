"""Hands jobs to Celery by name: the only module outside worker/ that knows Celery."""

from __future__ import annotations

import logging

from celery import Celery
from kombu.exceptions import OperationalError

from app.services.queues import ROUTES
from app.store.tables import Job

log = logging.getLogger(__name__)

# A broker that is down must be noticed within a second: the job's row waits instead of the caller.
BROKER_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 2.0}
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}


def broker_url(redis_url: str) -> str:
    """Return a Redis URL in Celery's spelling, which differs for Unix sockets."""
    return redis_url.replace("unix://", "redis+socket://", 1)


class Producer:
    """Sends a job's id to the queue of its kind."""

    def __init__(self, redis_url: str) -> None:
        self._celery = Celery("fovea", broker=broker_url(redis_url), set_as_current=False)
        self._celery.conf.broker_transport_options = BROKER_OPTIONS
        self._celery.conf.task_ignore_result = True

    def send(self, job: Job) -> bool:
        """Hand the job over; False when the broker cannot take it now."""
        route = ROUTES[job.kind]
        try:
            self._celery.send_task(route.task, args=[job.id], queue=route.queue, retry=True, retry_policy=RETRY_ONCE)
        except (OperationalError, OSError) as error:
            log.warning("The broker did not take job %s: %s", job.id, error)
            return False
        return True
