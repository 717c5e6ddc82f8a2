"""Keeps what is under way small: predictions and bodies beyond a bound are refused, and a body must come in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final

from gevent import Timeout, monkey
from werkzeug.exceptions import RequestTimeout

from app.errors import Unavailable
from app.web.metrics import REFUSED

PLACES: Final = 16  # predictions that one web worker computes or keeps waiting: about a tenth of a second's work
GRACE_SECONDS: Final = 10.0
SLOWEST: Final = 20_000  # bytes a second; who sends slower would keep a connection and its memory from others
HELD_BYTES: Final = 256_000_000  # of bodies that one web worker keeps in memory
STEP: Final = 131_072  # bytes that are waited for at a time; gunicorn copies what is left of a body for each

_places = BoundedSemaphore(PLACES)
_held = 0  # bytes


@contextmanager
def place(predictions: int = 1) -> Iterator[None]:
    """Hold this process' places for predictions, half of them at most; Unavailable, at once, when too few are free."""
    wanted = min(predictions, PLACES // 2)
    taken = sum(_places.acquire(blocking=False) for _ in range(wanted))
    try:
        if taken < wanted:
            REFUSED.inc()
            raise Unavailable("Too many predictions are under way; send this one again in a moment.")
        yield
    finally:
        for _ in range(taken):
            _places.release()


class Body:
    """The body of a request: it must come in time, and what it takes of this process' memory is counted.

    `counted` says whether what is read stays in memory, until `release`; it does not where it goes to a file. Outside a
    gevent worker there is no loop that could keep the time.
    """

    def __init__(self, body: Any, *, counted: bool) -> None:  # noqa: ANN401 - WSGI's input, of which `read` is used
        self._body = body
        self._counted = counted
        self._own = 0
        self._timed = monkey.is_module_patched("socket")
        self._end = time.monotonic() + GRACE_SECONDS

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; RequestTimeout when it falls behind SLOWEST by GRACE_SECONDS.

        Unavailable when this process holds HELD_BYTES of bodies, and not of this one alone.
        """
        if not self._timed:
            data: bytes = self._body.read(size)
        else:
            with Timeout(self._end - time.monotonic(), RequestTimeout):
                data = self._body.read(STEP if size < 0 else min(size, STEP))
            self._end += len(data) / SLOWEST
        if self._counted:
            self._hold(len(data))
        return data

    def release(self) -> None:
        """Count its bytes no longer."""
        global _held  # noqa: PLW0603 - of the process, and touched on its loop alone
        _held -= self._own
        self._own, self._counted = 0, False

    def _hold(self, count: int) -> None:
        global _held  # noqa: PLW0603 - as above
        self._own += count
        _held += count
        if _held > HELD_BYTES and _held > self._own:
            self.release()
            raise Unavailable("Too much is being sent to this service at once; send this again in a moment.")
