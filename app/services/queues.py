"""What Redis knows of the queues and the workers, read without asking Celery."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final

import redis

WORKER_KEY: Final = "fovea:worker:"
WORKER_SECONDS: Final = 15


@dataclass(frozen=True)
class Route:
    """Where jobs of a kind go: the name of the Celery task and its queue."""

    task: str
    queue: str


ROUTES: Final = {
    "bulk_predict": Route("fovea.bulk_predict", "batch"),
    "audit": Route("fovea.audit", "batch"),
    "retrain": Route("fovea.retrain", "training"),
}
# Kinds whose jobs are cut into chunks, which many workers answer at once.
SHARED: Final = ("bulk_predict",)
# Kinds of which a classifier has one job running at a time; the database sees to it (`app.store.tables.Job`).
ALONE: Final = ("retrain",)
# Housekeeping has a worker of its own, so that no long job keeps it waiting.
SWEEP: Final = Route("fovea.sweep", "system")
DELIVER: Final = Route("fovea.deliver", "system")
PRUNE: Final = Route("fovea.prune", "batch")  # it may take long
QUEUES: Final = ("batch", "training", "system")


class Queues:
    """A view of the queues. Every call copes with a Redis that is down."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=1.0, decode_responses=True)

    def state(self) -> dict[str, Any]:
        """Return the messages waiting in each queue and the workers heard of within WORKER_SECONDS."""
        try:
            waiting = {name: self._redis.llen(name) for name in QUEUES}
            keys = list(self._redis.scan_iter(f"{WORKER_KEY}*"))
            workers = [json.loads(text) for text in self._redis.mget(keys) if text] if keys else []
        except redis.RedisError:
            return {"available": False, "waiting": {}, "workers": []}
        return {
            "available": True,
            "waiting": waiting,
            "workers": sorted(workers, key=lambda found: found["name"]),
        }

    def beat(self, name: str) -> None:
        """Say that the worker `name` is alive; a Redis that is down is tried again at the next beat."""
        text = json.dumps({"name": name, "queue": name.partition("@")[0], "seen": round(time.time(), 1)})
        with contextlib.suppress(redis.RedisError):
            self._redis.set(f"{WORKER_KEY}{name}", text, ex=WORKER_SECONDS)
