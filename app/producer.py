"""Hands jobs to Celery by name: the only module outside worker/ that knows Celery."""

from __future__ import annotations

import logging

from celery import Celery
from kombu.exceptions import OperationalError

from app.errors import Unavailable
from app.services.jobs.queues import QUEUES, ROUTES
from app.store.tables import Job

log = logging.getLogger(__name__)

# A broker that is down must be noticed within a second: the job's row waits instead of the caller.
BROKER_OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 2.0}  # of Redis; RabbitMQ knows the next one
CONNECTION_SECONDS = 1
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}


class Producer:
    """Sends a job's id to the queue of its kind."""

    def __init__(self, broker: str) -> None:
        self._celery = Celery("fovea", broker=broker, set_as_current=False)
        self._celery.conf.broker_transport_options = BROKER_OPTIONS
        self._celery.conf.broker_connection_timeout = CONNECTION_SECONDS
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

    def waiting(self) -> dict[str, int]:
        """Ask the broker, of whatever kind, how many messages wait in each queue; Unavailable when it is down."""
        try:
            with self._celery.connection_for_write() as connection:
                connection.ensure_connection(**RETRY_ONCE)
                queues = [self._celery.amqp.queues[name](connection.channel()) for name in QUEUES]
                return {queue.name: queue.queue_declare().message_count for queue in queues}
        except (OperationalError, OSError) as error:
            raise Unavailable(f"The broker does not answer: {error}") from error
