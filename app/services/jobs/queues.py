"""What the broker knows of the queues and Redis of the workers, read without asking Celery."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import redis

from app.errors import Unavailable

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
    "upload": Route("fovea.upload", "batch"),
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
    """A view of the queues. Every call copes with a Redis that is down.

    `count` gives the messages waiting in each queue, or Unavailable, where another broker carries them.
    """

    def __init__(self, url: str, count: Callable[[], dict[str, int]] | None = None) -> None:
        self._count = count or self._lengths
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=1.0, decode_responses=True)

    def state(self) -> dict[str, Any]:
        """Return the messages waiting in each queue and the workers that gave a sign of life within WORKER_SECONDS."""
        try:
            return {"available": True, "waiting": self._count(), "workers": self._workers()}
        except (redis.RedisError, Unavailable):
            return {"available": False, "waiting": {}, "workers": []}

    def empty(self) -> set[str]:
        """Return the queues in which no message waits; those of a Redis that is down are not known to be empty."""
        return {name for name, messages in self.state()["waiting"].items() if not messages}

    def beat(self, name: str) -> None:
        """Say that the worker `name` is alive; a Redis that is down is tried again at the next beat."""
        text = json.dumps({"name": name, "queue": name.partition("@")[0], "seen": round(time.time(), 1)})
        with contextlib.suppress(redis.RedisError):
            self._redis.set(f"{WORKER_KEY}{name}", text, ex=WORKER_SECONDS)

    def _lengths(self) -> dict[str, int]:
        return {name: self._redis.llen(name) for name in QUEUES}

    def _workers(self) -> list[dict[str, Any]]:
        keys = list(self._redis.scan_iter(f"{WORKER_KEY}*"))
        found = [json.loads(text) for text in self._redis.mget(keys) if text] if keys else []
        return sorted(found, key=lambda worker: worker["name"])
