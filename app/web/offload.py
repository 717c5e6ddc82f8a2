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
    if not monkey.is_module_patched("socket"):
        return compute()
    value, error = _pool().apply(_caught, (compute,))
    if error is not None:
        raise error
    return value


def _caught(compute: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Carry an error as a value: gevent prints those that leave a pool's thread, and a bad image is no news."""
    try:
        return compute(), None
    except Exception as error:  # noqa: BLE001 - raised again by the caller
        return None, error


@cache
def _pool() -> ThreadPool:
    return ThreadPool(1)
