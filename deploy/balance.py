"""Spreads connections over the web workers: one that holds more than another leaves the next to that one.

A connection stays with the worker that took it, and whichever is quickest takes it. Of eight clients that came at once
one worker might get all, compute with one interpreter, and refuse what the others have places for.
"""

from __future__ import annotations

from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any, Final

from gevent.server import StreamServer

PAUSE_SECONDS: Final = 0.001  # for which another worker may take a connection before this one does
AT_ONCE: Final = 16  # connections that a worker accepts before it does anything else
SLACK: Final = 4  # a worker that holds a fourth more than another is not clearly fuller
MOST: Final = 256  # workers at once; those of a reload are there twice
FREE: Final = 2**31 - 1  # what stands in a place that no worker has: more than any worker holds

# In memory that all workers share: the connections of each, and how many places were ever taken.
_held = RawArray("i", [FREE] * MOST)
_taken = RawValue("i", 0)


def enter() -> int:
    """Find a place for the worker that is about to be forked."""
    place: int = _held[:].index(FREE)
    _held[place] = 0
    _taken.value = max(_taken.value, place + 1)
    return place


def leave(place: int) -> None:
    """Free the place of a worker that has ended, however it did."""
    _held[place] = FREE


class BalancedServer(StreamServer):  # type: ignore[misc]  # gevent's classes are untyped
    """Accepts a worker's connections; `place` is where it tells the others how many it holds."""

    place = 0
    _patient = True

    def start(self) -> None:
        """Begin to accept connections."""
        self.max_accept = AT_ONCE  # gunicorn's 1 would keep a crowd waiting for seconds, a busy loop's turn for each
        super().start()

    def do_read(self) -> Any:  # noqa: ANN401 - gevent's: what to handle, or None
        """Accept a connection, unless another worker holds clearly fewer: it gets a moment to do so."""
        patient, self._patient = self._patient, True
        fewest = min(_held[: _taken.value])
        if patient and _held[self.place] > fewest + fewest // SLACK:
            self.stop_accepting()
            self._timer = self.loop.timer(PAUSE_SECONDS)
            self._timer.start(self._resume)
            return None
        return super().do_read()

    def do_handle(self, *args: Any) -> None:  # noqa: ANN401 - gevent's
        """Serve a connection."""
        _held[self.place] += 1
        super().do_handle(*args)

    def do_close(self, *args: Any) -> None:  # noqa: ANN401 - gevent's
        """Close a connection that was served."""
        _held[self.place] -= 1
        super().do_close(*args)

    def _resume(self) -> None:
        """Accept a connection that is still there, and go on as before."""
        self.start_accepting()
        self._patient = False
        self._do_read()
