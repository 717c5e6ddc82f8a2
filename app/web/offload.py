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
WAITING: Final = 16  # concurrent calls to other machines


def run_cpu_bound(compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the computation returns
    """Run `compute` on one of this process' computing threads and return its result; other requests go on meanwhile.

    Decoding and inference release the interpreter's lock, so the event loop can read requests. Outside a gevent worker
    the call is direct.
    """
    if not monkey.is_module_patched("socket"):
        return compute()
    result = AsyncResult()
    _tasks().put((compute, result, get_hub().loop))
    return result.get()


@cache
def _tasks() -> Any:  # noqa: ANN401 - the queue class behind gevent's patches has no name
    """Start the computing threads; return the queue that they read.

    gevent's own pool gives a thread its next task only after the loop has handled the last result, so the thread would
    idle while the loop is busy. These are native threads with a native queue.
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
    """Run `wait`, a call to another machine, on one of WAITING threads and return its result.

    The storage's client has its own event loop, which must not run in the thread of gevent's. Outside gevent's loop the
    call is direct.
    """
    if not (monkey.is_module_patched("socket") and get_hub().main_hub):
        return wait()
    value, error = _waiting().apply(_caught, (wait,))
    if error is not None:
        raise error
    return value


def _caught(wait: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return an error as a value: gevent would print one that leaves a thread of its pool."""
    try:
        return wait(), None
    except Exception as error:  # noqa: BLE001 - raised again by the caller
        return None, error


@cache
def _waiting() -> ThreadPool:
    return ThreadPool(WAITING)
