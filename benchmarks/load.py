"""Puts load on a server with wrk, a native program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drawings import IMAGES
from benchmarks.servers import Failed, Running

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
    """Send the images in turn for some seconds over so many connections; Failed when nothing is answered."""
    before = live.cpu_s()
    url = f"http://127.0.0.1:{live.server.port}{live.server.path}"
    per_second, p50, p99, refused, broken = send(url, images, seconds, connections)
    used = live.cpu_s() - before
    if not per_second:
        raise Failed(f"{live.server.name} answered nothing within {seconds} seconds.")
    return Load(per_second, p50, p99, int(refused), int(broken), used * 1000 / (per_second * seconds))


def send(url: str, images: Path, seconds: int, connections: int = CONNECTIONS) -> tuple[float, ...]:
    """Run wrk; return answers a second, the median and the 99th percentile in ms, answers not 200, lost connections."""
    wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), url]
    done = subprocess.run([*wrk, "--", str(images), str(IMAGES)], capture_output=True, text=True, check=False)
    figures = [each.split()[1:] for each in done.stdout.splitlines() if each.startswith("FIGURES ")]
    if done.returncode or not figures:
        raise Failed(f"wrk could not load {url}: {(done.stderr or done.stdout).strip()}")
    return tuple(float(each) for each in figures[0])
