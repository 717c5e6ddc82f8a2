"""Compares Fovea's predictions per second with a peer's: `make bench`, or `python -m benchmarks.serving --help`.

Both serve the same MobileNetV2 (224 pixels) with two processes: the peer in float32, Fovea as its trainer decides,
which is in eight bits where these give the same answers (`--float32` forbids it). The load is wrk's, a native process
of its own, with 8 connections that send different drawn images in turn as multipart forms. Only one server runs at a
time, and they take turns, so that a machine that slows down slows both; the figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import numpy.typing as npt
import psutil

from app.drawing import MAX_SIZE, draw
from benchmarks.servers import PEER_PYTHON, WORKERS, Running, fovea, peer, running

WIDTHS = (350, 1024, 4288)
IMAGES = 8
CONNECTIONS = 8
LOAD_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """The figures of one run of wrk, and what the server's web processes used meanwhile."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    memory_mb: float


def main() -> None:
    """Measure and print a Markdown report."""
    options = _options()
    for needed, hint in (
        (shutil.which("wrk"), "wrk is missing: install it (Debian: apt install wrk)."),
        (PEER_PYTHON.exists(), "The peer is not installed; run: make bench"),
    ):
        if not needed:
            sys.exit(hint)
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        folder = Path(name)
        print("Drawing the images and training the model ...", file=sys.stderr)
        bundle = [sys.executable, "-m", "benchmarks.bundle", name, *(["float32"] if options.float32 else [])]
        subprocess.run(bundle, check=True, stderr=subprocess.DEVNULL)
        for width in WIDTHS:
            _write_images(folder / str(width), width)
        _report(*_measure(folder, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="how often each server has its turn")
    parser.add_argument("--seconds", type=int, default=5, help="how long each image width is sent in a turn")
    parser.add_argument("--peer-threads", type=int, default=0, help="the peer's ONNX Runtime threads; 0 is its default")
    parser.add_argument("--float32", action="store_true", help="keep Fovea from serving in eight bits")
    return parser.parse_args()


def _write_images(folder: Path, width: int) -> None:
    """Draw distinct photographs; above the largest drawing they are enlarged, with a sensor's noise."""
    folder.mkdir()
    for number in range(IMAGES):
        drawn = draw("fundus_normal", number, min(width, MAX_SIZE)).image
        image = drawn if width <= MAX_SIZE else _enlarge(drawn, width, np.random.default_rng(number))
        cv2.imwrite(str(folder / f"{number}.jpg"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def _enlarge(drawn: npt.NDArray[np.uint8], width: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    large = cv2.resize(drawn, (width, width * 2 // 3), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large + rng.normal(0, 3, large.shape), 0, 255), dtype=np.uint8)


def _measure(folder: Path, options: argparse.Namespace) -> tuple[dict[tuple[str, int], list[Load]], dict[str, object]]:
    loads: dict[tuple[str, int], list[Load]] = defaultdict(list)
    facts: dict[str, object] = {}
    starts = []
    for turn in range(options.rounds):
        for server in (peer(folder, options.peer_threads), fovea(folder)):
            print(f"Round {turn + 1} of {options.rounds}: {server.name} ...", file=sys.stderr)
            with running(server) as live:
                _load(live, folder / str(WIDTHS[0]), 1)  # warm up
                for width in WIDTHS:
                    loads[server.name, width].append(_load(live, folder / str(width), options.seconds))
                if server.name == "Fovea":
                    starts.append(live.ready_s)
                    facts["TensorFlow in a web worker"] = "yes" if live.maps("tensorflow") else "no"
    facts["Fovea, start to ready"] = f"{median(starts):.1f} s"
    return loads, facts


def _load(live: Running, images: Path, seconds: int) -> Load:
    """Run wrk against the server for some seconds."""
    url = f"http://127.0.0.1:{live.server.port}{live.server.path}"
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(LOAD_SCRIPT), url]
    before = live.cpu_s()
    done = subprocess.run([*wrk, "--", str(images), str(IMAGES)], capture_output=True, text=True, check=True)
    used = live.cpu_s() - before
    line = next(each for each in done.stdout.splitlines() if each.startswith("FIGURES "))
    per_second, p50, p99, failed = (float(each) for each in line.split()[1:])
    if failed or not per_second:
        sys.exit(f"{live.server.name} failed {failed:.0f} requests and answered {per_second:.0f}/s:\n{done.stdout}")
    return Load(per_second, p50, p99, used * 1000 / (per_second * seconds), live.memory_mb())


def _report(loads: dict[tuple[str, int], list[Load]], facts: dict[str, object]) -> None:
    print(f"Machine: {_machine()}; {WORKERS} web processes, {CONNECTIONS} connections, wrk on the same machine.\n")
    print("| image width | server | requests/s | ratio | p50 ms | p99 ms | CPU ms/request | MB/process |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    bases: dict[int, float] = {}
    for (name, width), runs in sorted(loads.items(), key=lambda item: item[0][1]):
        rate, p50, p99, cpu, memory = (median(figures) for figures in zip(*map(astuple, runs), strict=True))
        ratio = rate / bases.setdefault(width, rate)  # the peer has the first turn
        print(f"| {width} | {name} | {rate:.0f} | {ratio:.2f} | {p50:.0f} | {p99:.0f} | {cpu:.1f} | {memory:.0f} |")
    print()
    for fact, value in facts.items():
        print(f"- {fact}: {value}")


def _machine() -> str:
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    memory = psutil.virtual_memory().total / 2**30
    return f"{model}, {psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
