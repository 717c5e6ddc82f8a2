"""Runs work that would block gevent's event loop in other threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from gevent import get_hub, monkey
from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

# A process is started for each core, yet connections stay with the process that took them: with a second thread,
# a process that has most of them uses the core that another leaves idle.
THREADS: Final = 2
WAITING: Final = 16  # calls to another machine at once


def run_cpu_bound(compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the computation returns
    """Run `compute` on one of this process' computing threads while the loop serves others; wait for its result.

    Decoding and inference release the interpreter's lock, so the loop goes on reading requests meanwhile. Outside a
    gevent worker the call is direct.
    """
    if not monkey.is_module_patched("socket"):
        return compute()
    result = AsyncResult()
    _tasks().put((compute, result, get_hub().loop))
    return result.get()


@cache
def _tasks() -> Any:  # noqa: ANN401 - the queue class behind gevent's patches has no name
    """Start the computing threads; return the queue that they work off.

    gevent's own pool hands a thread no task before the loop has taken note of the last, so it would idle while the loop
    is busy. The threads and their queue are the native ones.
    """
    tasks = monkey.get_original("queue", "SimpleQueue")()
    for _ in range(THREADS):
        monkey.get_original("_thread", "start_new_thread")(_work, (tasks,))
    return tasks


def _work(tasks: Any) -> None:  # noqa: ANN401 - as above
    while True:
        compute, result, loop = tasks.get()
        try:
            loop.run_callback_threadsafe(result.set, compute())
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            loop.run_callback_threadsafe(result.set_exception, error)
        del compute, result  # an image's bytes would stay until the next


def run_blocking_io(wait: Callable[[], Any]) -> Any:  # noqa: ANN401 - what is waited for
    """Run `wait`, which waits for another machine, on one of a few threads; outside gevent's loop the call is direct.

    The storage's client brings an event loop of its own, which must not be waited for in the thread of gevent's.
    """
    if not (monkey.is_module_patched("socket") and get_hub().main_hub):
        return wait()
    value, error = _waiting().apply(_caught, (wait,))
    if error is not None:
        raise error
    return value


def _caught(wait: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Carry an error as a value: gevent prints those that leave a pool's thread."""
    try:
        return wait(), None
    except Exception as error:  # noqa: BLE001 - raised again by the caller
        return None, error


@cache
def _waiting() -> ThreadPool:
    return ThreadPool(WAITING)
