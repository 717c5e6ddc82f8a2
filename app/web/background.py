"""Runs background work of a gevent worker in native threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import TypeVar

import gevent
from gevent import monkey
from gevent.threadpool import ThreadPool

from app.runners import run_at_once

R = TypeVar("R")
NICE = 10  # the system gives such a thread a tenth of what it gives to one that answers requests


def run_in_background(
    compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False
) -> Callable[[], None]:
    """Run `compute` in another thread, then `then` in the event loop; return a function that waits for both.

    With `spare`, `compute` gets only processor time that nothing else needs. Outside a gevent worker both run at once.
    """
    if not monkey.is_module_patched("socket"):
        return run_at_once(compute, then, spare=spare)
    pool, work = (_spare_pool(), partial(_at_low_priority, compute)) if spare else (_pool(), compute)
    running = gevent.spawn(lambda: then(pool.apply(work)))
    return lambda: running.join() and None


def _at_low_priority(compute: Callable[[], R]) -> R:
    if sys.platform == "linux":  # elsewhere it would hold for the whole process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    return compute()


@cache
def _pool() -> ThreadPool:
    return ThreadPool(1)


@cache
def _spare_pool() -> ThreadPool:
    return ThreadPool(1)
