"""How busy the machine's processors are."""

from __future__ import annotations

import time
from typing import Final

import psutil

SECONDS: Final = 1.0  # over less than this it is mostly noise


class Processor:
    """The share of all cores in use since the last look.

    psutil's own `cpu_percent` remembers a look for each thread, and each request has one of its own: it would say 0.
    """

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._busy, self._all = _times()
        self._percent = 0.0

    def percent(self) -> float:
        """Return it from 0 to 100; the last figure again within SECONDS of it."""
        if time.monotonic() - self._at > SECONDS:
            self._at, (busy, all_of_it) = time.monotonic(), _times()
            if all_of_it > self._all:
                self._percent = round(100 * max(0.0, busy - self._busy) / (all_of_it - self._all), 1)
            self._busy, self._all = busy, all_of_it
        return self._percent


def _times() -> tuple[float, float]:
    """Return the seconds in which the cores were busy, and all seconds; those of guests are in `user` already."""
    times = psutil.cpu_times()._asdict()
    everything = sum(seconds for kind, seconds in times.items() if not kind.startswith("guest"))
    return everything - times["idle"] - times.get("iowait", 0.0), everything
