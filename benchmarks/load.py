"""Puts load on a server with wrk, a native program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drawings import IMAGES
from benchmarks.servers import Running

CONNECTIONS = 8
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """The figures of one run: answers of any status a second, those other than 200, and the server's processor time."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int
    cpu_ms: float


def require_wrk() -> None:
    """Leave with a hint unless wrk is there."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install it (Debian: apt install wrk).")


def put_load(live: Running, images: Path, seconds: int, connections: int = CONNECTIONS) -> Load:
    """Send the images in turn for some seconds over so many connections."""
    url = f"http://127.0.0.1:{live.server.port}{live.server.path}"
    wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), url]
    before = live.cpu_s()
    done = subprocess.run([*wrk, "--", str(images), str(IMAGES)], capture_output=True, text=True, check=True)
    used = live.cpu_s() - before
    line = next(each for each in done.stdout.splitlines() if each.startswith("FIGURES "))
    per_second, p50, p99, refused, broken = (float(each) for each in line.split()[1:])
    if not per_second:
        sys.exit(f"{live.server.name} answered nothing:\n{done.stdout}")
    return Load(per_second, p50, p99, int(refused), int(broken), used * 1000 / (per_second * seconds))
