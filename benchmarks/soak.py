"""Shows that Fovea bears too much and much: `make bench-soak`, or `python -m benchmarks.soak`.

First 200 connections ask without pause for 60 seconds, which is more than it can do: each answer must be a prediction
or a deliberate 503. Then 20,000 predictions follow on one another, and the memory of the web workers must stay.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from benchmarks.load import Load, put_load, require_wrk
from benchmarks.servers import Running, fovea, running
from benchmarks.serving import machine, prepared

CROWD, CROWD_SECONDS = 200, 60
PREDICTIONS: Final = 20_000
WARM: Final = 2_000  # predictions until every pool and cache has its size
SLICE: Final = 10  # seconds between two readings of the memory


def main() -> None:
    """Measure and print a Markdown report."""
    require_wrk()
    with prepared() as folder, running(fovea(folder)) as live:
        images = folder / "350"
        crowd = put_load(live, images, CROWD_SECONDS, CROWD)
        time.sleep(2)  # until the crowd's last answers are given
        _predict(live, images, WARM)
        before = live.web_mb()
        done = _predict(live, images, PREDICTIONS)
        after = live.web_mb()
    print(f"Machine: {machine()}.\n")
    _report(crowd, done, before, after)


def _predict(live: Running, images: Path, wanted: int) -> int:
    done = 0.0
    while done < wanted:
        load = put_load(live, images, SLICE)
        assert not load.refused + load.broken, load
        done += load.per_second * SLICE
    return int(done)


def _report(crowd: Load, done: int, before: list[float], after: list[float]) -> None:
    served = crowd.per_second - crowd.refused / CROWD_SECONDS
    rows = {
        f"{CROWD} connections for {CROWD_SECONDS} s: predictions a second": f"{served:.0f}",
        "refused with 503 and Retry-After, a second": f"{crowd.refused / CROWD_SECONDS:.0f}",
        "median of all answers, ms": f"{crowd.p50_ms:.1f}",
        "neither 200 nor 503, or no answer": f"{crowd.broken}",
        f"web workers' memory before and after {done} predictions, MB": f"{sum(before):.0f}, {sum(after):.0f}",
        "growth": f"{sum(after) / sum(before) - 1:+.1%}",
    }
    print("| what | figure |\n| --- | ---: |")
    for what, figure in rows.items():
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
