"""A sign of life that long silent work (loading TensorFlow, a slow epoch) cannot hold up."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError

from app.store.db import now
from app.store.tables import Job

log = logging.getLogger(__name__)

SECONDS: Final = 10.0


@contextmanager
def heartbeat(engine: Engine, job_id: str, worker: str) -> Iterator[None]:
    """While the block runs, say every SECONDS that `worker` still has the job."""
    over = Event()
    thread = Thread(target=_beat, args=(engine, job_id, worker, over), name=f"heartbeat-{job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(engine: Engine, job_id: str, worker: str, over: Event) -> None:
    mine = (Job.id == job_id, Job.worker == worker, Job.status == "running")
    while not over.wait(SECONDS):
        try:
            with engine.begin() as connection:
                connection.execute(update(Job).where(*mine).values(heartbeat_at=now()))
        except SQLAlchemyError as error:  # a database that is away for a moment must not end the work
            log.warning("No heartbeat for job %s: %s", job_id, error)
