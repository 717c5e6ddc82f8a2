"""A sign of life that long silent work (loading TensorFlow, a slow epoch) cannot hold up."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final

import psutil
from sqlalchemy import Engine, Update
from sqlalchemy.exc import SQLAlchemyError

from app.store.db import now

log = logging.getLogger(__name__)

SECONDS: Final = 10.0
SILENCE: Final = timedelta(seconds=60)  # a worker that has not been heard of for so long is dead


def this_worker() -> str:
    """Name the present process as the owner of a job."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_dead(worker: str | None, heartbeat_at: datetime | None) -> bool:
    """Tell whether the owner of a job is gone: no such process on this machine, or silent for too long.

    A sign of life from the future, of before the clock was put back, is none.
    """
    host, _, pid = (worker or "").rpartition(":")
    if host == socket.gethostname() and pid.isdecimal() and not psutil.pid_exists(int(pid)):
        return True
    return heartbeat_at is None or abs(now() - heartbeat_at) > SILENCE


@contextmanager
def heartbeat(engine: Engine, statement: Update) -> Iterator[None]:
    """While the block runs, execute `statement` every SECONDS with a fresh `heartbeat_at`."""
    over = Event()
    thread = Thread(target=_beat, args=(engine, statement, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(engine: Engine, statement: Update, over: Event) -> None:
    while not over.wait(SECONDS):
        try:
            with engine.begin() as connection:
                connection.execute(statement.values(heartbeat_at=now()))
        except SQLAlchemyError as error:  # a database that is away for a moment must not end the work
            log.warning("No heartbeat: %s", error)
