"""Runs computation beside gevent's loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from gevent import monkey
from gevent.threadpool import ThreadPool


def offload(compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the computation returns
    """Run `compute` on this process' one computing thread while the loop serves others; wait for its result.

    Decoding and inference release the interpreter's lock, so the loop goes on reading requests meanwhile. One thread,
    because a worker process exists for each core. Outside a gevent worker the call is direct.
    """
    return _pool().apply(compute) if monkey.is_module_patched("socket") else compute()


@cache
def _pool() -> ThreadPool:
    return ThreadPool(1)
