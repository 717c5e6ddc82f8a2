"""Predictions asked for at a steady pace: how long each takes, whatever else the server does meanwhile.

Run as a program it prints the latencies in milliseconds as JSON: `python -m benchmarks.pace URL IMAGE RATE SECONDS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

AT_ONCE = 8


def paced(url: str, image: Path, rate: float, seconds: float) -> tuple[float, float]:
    """Send requests at this rate from another process; return the median and the 99th percentile in milliseconds."""
    argv = [sys.executable, "-m", "benchmarks.pace", url, str(image), str(rate), str(seconds)]
    p50, p99 = np.percentile(json.loads(subprocess.check_output(argv)), (50, 99))
    return float(p50), float(p99)


def _ask(url: str, image: Path, rate: float, seconds: float) -> list[float]:
    """Send a request at each beat, whether or not those before have their answer; late starts count as latency."""
    data, begun = image.read_bytes(), time.monotonic()

    def one(number: int) -> float:
        due = begun + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        client.post(url, content=data).raise_for_status()
        return (time.monotonic() - due) * 1000

    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(int(rate * seconds))))


if __name__ == "__main__":
    print(json.dumps(_ask(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))))
