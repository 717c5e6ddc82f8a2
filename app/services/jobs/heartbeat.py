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
SILENCE: Final = timedelta(seconds=45)  # a worker of another machine that was silent for so long is dead
STALL: Final = timedelta(minutes=5)  # one of this machine is seen to live, and a busy machine may keep it waiting
BIRTH: Final = 2.0  # seconds; what the kernel says of a process' birth is not more exact


def this_worker() -> str:
    """Name the present process as the owner of a job."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_dead(worker: str | None, heartbeat_at: datetime | None) -> bool:
    """Tell whether the owner of a job is gone: no such process on this machine, or silent for too long.

    A sign of life from the future, of before the clock was put back, is none.
    """
    host, _, pid = (worker or "").rpartition(":")
    here = host == socket.gethostname() and pid.isdecimal()
    if heartbeat_at is None or (here and not _lives(int(pid), heartbeat_at)):
        return True
    return abs(now() - heartbeat_at) > (STALL if here else SILENCE)


def _lives(pid: int, heartbeat_at: datetime) -> bool:
    """Tell whether the process that gave this sign of life is there; a younger one of its number is another."""
    try:
        process = psutil.Process(pid)
        born: float = process.create_time()
        return born - BIRTH < heartbeat_at.timestamp() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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
