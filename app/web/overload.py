"""Keeps what is under way small: predictions beyond a bound are refused at once, and a body must come in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final

from gevent import Timeout
from werkzeug.exceptions import RequestTimeout

from app.errors import Unavailable
from app.web.metrics import REFUSED

PLACES: Final = 16  # predictions that one web worker computes or keeps waiting: about a tenth of a second's work
GRACE_SECONDS: Final = 10.0
SLOWEST: Final = 20_000  # bytes a second; who sends slower would keep a connection and its memory from others
STEP: Final = 131_072  # bytes that are waited for at a time; gunicorn copies what is left of a body for each

_places = BoundedSemaphore(PLACES)


@contextmanager
def place() -> Iterator[None]:
    """Hold one of this process' places for predictions; Unavailable, at once, when all are taken."""
    if not _places.acquire(blocking=False):
        REFUSED.inc()
        raise Unavailable("Too many predictions are under way; send this one again in a moment.")
    try:
        yield
    finally:
        _places.release()


class TimedBody:
    """The body of a request to a gevent worker; RequestTimeout when it falls behind SLOWEST by GRACE_SECONDS."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - WSGI's input, of which `read` is used
        self._body = body
        self._end = time.monotonic() + GRACE_SECONDS

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes."""
        with Timeout(self._end - time.monotonic(), RequestTimeout):
            data: bytes = self._body.read(min(size, STEP))
        self._end += len(data) / SLOWEST
        return data
