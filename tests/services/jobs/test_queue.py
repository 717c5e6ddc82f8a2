from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from job_steps import change
from redis import Redis, RedisError

from app.config import Settings
from app.services.jobs.jobs import LOST
from app.services.wiring import Services
from app.store.db import now
from app.store.tables import Job
from app.supervisor import commands

WITHIN = 10


@contextmanager
def redis_server(settings: Settings) -> Iterator[Redis]:
    """Run a real Redis, as `make run` starts it."""
    with (
        subprocess.Popen(commands.redis(settings).argv) as process,
        Redis.from_url(settings.redis, retry=None) as redis,
    ):
        end = time.monotonic() + WITHIN
        while not answers(redis):
            assert time.monotonic() < end
            time.sleep(0.02)
        try:
            yield redis
        finally:
            process.terminate()


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def waiting(services: Services) -> dict[str, int]:
    found: dict[str, int] = services.queues.state()["waiting"]
    return found


def test_jobs_wait_for_a_queue_that_is_down_and_are_sent_when_it_is_back(services: Services) -> None:
    first = services.jobs.submit(Job(kind="bulk_predict", classifier="cat_dog"))
    assert services.queues.state() == {"available": False, "waiting": {}, "workers": []}
    assert (first.status, first.enqueued_at) == ("queued", None)
    with redis_server(services.settings):
        services.jobs.sweep()
        services.jobs.sweep()
        assert waiting(services) == {"batch": 1, "training": 0, "system": 0}
        assert services.jobs.get(first.id).enqueued_at is not None
    second = services.jobs.submit(Job(kind="retrain", classifier="cat_dog"))
    assert second.enqueued_at is None
    with redis_server(services.settings):  # the first one was kept on disk
        services.jobs.sweep()
        assert waiting(services) == {"batch": 1, "training": 1, "system": 0}
        assert services.jobs.get(second.id).enqueued_at is not None


def test_what_redis_lost_is_sent_again_soon_and_what_it_has_is_not(services: Services) -> None:
    with redis_server(services.settings) as redis:
        jobs = [services.jobs.submit(Job(kind=kind, classifier="cat_dog")) for kind in ("bulk_predict", "retrain")]
        redis.flushall()
        services.jobs.sweep(services.queues.empty())
        assert waiting(services) == {"batch": 0, "training": 0, "system": 0}  # a worker may be about to claim them
        for _ in range(2):
            for job in jobs:
                change(job.id, enqueued_at=now() - LOST - timedelta(seconds=1))
            services.jobs.sweep(services.queues.empty())
            assert waiting(services) == {"batch": 1, "training": 1, "system": 0}
    assert services.queues.empty() == set()  # nobody knows


def test_a_worker_is_seen_as_long_as_it_shows_life(services: Services) -> None:
    services.queues.beat("batch@here")  # nobody listens, and that is no error
    with redis_server(services.settings) as redis:
        services.queues.beat("training@here")
        services.queues.beat("batch@here")
        assert [worker["queue"] for worker in services.queues.state()["workers"]] == ["batch", "training"]
        redis.flushall()  # as time does
        assert services.queues.state() == {
            "available": True,
            "waiting": {"batch": 0, "training": 0, "system": 0},
            "workers": [],
        }
