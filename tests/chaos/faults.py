"""The faults. Each strikes once, says how many processes it killed, and leaves what it stopped running again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import psutil
from celery import Celery
from product import Product
from sqlalchemy import create_engine, select, text

from app.factory import create_core
from app.services.jobs.queues import DELIVER, PRUNE, ROUTES, SWEEP
from app.store.db import db
from app.store.tables import Job

Fault = Callable[[Product, random.Random], int]
BATCH = ("celery", "worker", "batch")
TRAINING = ("celery", "worker", "training")
GUNICORN = ("gunicorn", "wsgi:app")
PERCENT = (-20.0, 98.0)  # of a training; below 0 it has only just begun
JUMPS = (timedelta(hours=1), timedelta(hours=-1))


def _kill(found: list[psutil.Process], chance: random.Random) -> int:
    with suppress(psutil.NoSuchProcess, IndexError):
        chance.choice(found).kill()
        return 1
    return 0


def kill_training_child(product: Product, chance: random.Random, between: tuple[float, float] = PERCENT) -> int:
    """Kill a process that trains, anywhere between two percentages; 0 when every training ended before."""
    percent, found = chance.uniform(*between), list[psutil.Process]()

    def is_there() -> bool:
        found[:] = _trainers(product, percent)
        return bool(found) or not _trainings_left(product)

    product.until(is_there, "No training came so far.")
    return _kill(found, chance)


def kill_batch_child(product: Product, chance: random.Random) -> int:
    """Kill a process that answers a chunk."""
    return _kill(product.children(*BATCH), chance)


def kill_batch_worker(product: Product, chance: random.Random) -> int:
    """Kill the worker with all its processes."""
    return _kill(product.processes(*BATCH)[:1], chance)


def kill_beat(product: Product, chance: random.Random) -> int:
    """Kill the schedule."""
    return _kill(product.processes("celery", "beat"), chance)


def kill_system_worker(product: Product, chance: random.Random) -> int:
    """Kill the worker that sweeps."""
    return _kill(product.processes("celery", "worker", "system"), chance)


def kill_web_worker(product: Product, chance: random.Random) -> int:
    """Kill a process that answers requests."""
    return _kill(product.children(*GUNICORN), chance)


def kill_everything(product: Product, chance: random.Random) -> int:
    """Kill the supervisor and with it every process, Redis too, and start again."""
    del chance
    killed = len(product.processes("-m")) + 1
    product.kill_all()
    product.start()
    return killed


def restart_redis(product: Product, chance: random.Random) -> int:
    """Kill Redis, let it be away for a while, and start it with what it wrote down."""
    product.stop_redis()
    time.sleep(chance.uniform(0, 5))
    product.start_redis()
    return 1


def empty_redis(product: Product, chance: random.Random) -> int:
    """Kill Redis and start it with nothing."""
    product.stop_redis(forget=True)
    time.sleep(chance.uniform(0, 2))
    product.start_redis()
    return 1


def pause_redis(product: Product, chance: random.Random, seconds: float = 30.0) -> int:
    """Let Redis stand still for half a minute."""
    del chance
    product.pause_redis(seconds)
    return 0


def deliver_twice(product: Product, chance: random.Random) -> int:
    """Send every task again, those of every job that has not ended among them."""
    celery = Celery("chaos", broker=product.settings.broker, set_as_current=False)
    with create_core(product.settings).app_context():
        jobs = [(job.kind, job.id) for job in db.session.scalars(select(Job))]
        db.session.remove()
        db.engine.dispose()
    messages = [(ROUTES[kind], [job_id]) for kind, job_id in jobs] + [(each, []) for each in (SWEEP, DELIVER, PRUNE)]
    messages *= 3
    chance.shuffle(messages)
    for route, args in messages:
        celery.send_task(route.task, args=args, queue=route.queue)
    celery.close()
    return 0


def jump_clock(product: Product, chance: random.Random) -> int:
    """Let every moment on which a claim depends look as after a jump of the clock by an hour, ahead or back."""
    jump = chance.choice(JUMPS)
    engine = create_engine(product.settings.database)
    with engine.begin() as connection:
        for table, column in (("jobs", "heartbeat_at"), ("jobs", "enqueued_at"), ("job_chunks", "heartbeat_at"),
                              ("job_chunks", "not_before"), ("deliveries", "due_at")):  # fmt: skip
            shifted = f"{column} + interval '{jump.total_seconds()} seconds'"
            if engine.dialect.name == "sqlite":
                shifted = f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '{jump.total_seconds()} seconds')"
            connection.execute(text(f"UPDATE {table} SET {column} = {shifted} WHERE {column} IS NOT NULL"))  # noqa: S608 - names from above
    engine.dispose()
    return 0


def _trainers(product: Product, percent: float) -> list[psutil.Process]:
    """Return the processes whose training has come so far, as the jobs' rows name them."""
    owners = _of_trainings(product, f"worker FROM jobs WHERE status = 'running' AND percent >= {percent}")
    pids = {int(worker.rpartition(":")[2]) for worker in owners}
    return [process for process in product.processes(*TRAINING) if process.pid in pids]


def _trainings_left(product: Product) -> bool:
    return bool(_of_trainings(product, "id FROM jobs WHERE status IN ('queued', 'running')"))


def _of_trainings(product: Product, what: str) -> list[str]:
    engine = create_engine(product.settings.database)
    with engine.connect() as connection:
        found = list(connection.execute(text(f"SELECT {what} AND kind = 'retrain'")).scalars())
    engine.dispose()
    return found
