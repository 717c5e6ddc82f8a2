"""Fair timing of networks on a machine that does other work as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np


def milliseconds(calls: Sequence[Callable[[int], object]], rounds: int, percentile: float = 50) -> list[float]:
    """Return a percentile of the time of each call, in milliseconds; the median by default.

    The calls take turns, so that other work on the machine slows them equally. Each gets the number of the round.
    """
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            start = time.perf_counter()
            call(number)
            times.append(1000 * (time.perf_counter() - start))
    return [float(np.percentile(times, percentile)) for times in taken]
