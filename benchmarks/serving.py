"""Compares Fovea's predictions per second with four peers' and with the machine's limit: `make bench`.

All serve the same MobileNetV2 (alpha 1.0, 224 pixels) with two processes that predict, FastAPI also with the one
that it starts by default: the peers in float32, Fovea as its trainer decides, which is in eight bits where these give
the same answers (`--float32` forbids it). The load is wrk's, a native process of its own, with 8 connections that send
different drawn photographs in turn as multipart forms. Only one server runs at a time, and they take turns, so that a
machine that slows down slows all; the figures are medians over the rounds. The limit is a bare loop of Fovea's decoding
and network on as many processes.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from subprocess import check_output

import psutil

from benchmarks import drawings
from benchmarks.drawings import WIDTHS
from benchmarks.load import CONNECTIONS, Load, put_load, require_wrk
from benchmarks.servers import MODEL, PEER_PYTHON, WORKERS, Failed, Server, fovea, peers, running, trained

Loads = dict[tuple[int, str], list[Load]]
Limits = dict[int, list[float]]
WARM_UP_SECONDS = 3
SLOW_WARM_UP_SECONDS = 30  # for a server whose first answer takes longer


def main() -> None:
    """Measure and print a Markdown report."""
    options = _options()
    require_wrk()
    if not PEER_PYTHON.exists():
        sys.exit("The peers are not installed; run: make bench")
    with prepared(options.float32) as folder:
        loads, limits, failed = _measure(folder, options)
    print(f"Machine: {machine()}; {WORKERS} processes, {CONNECTIONS} connections, wrk on the same machine.\n")
    report(loads, limits, failed)


@contextmanager
def prepared(float32: bool = False) -> Iterator[Path]:
    """Give a folder with the model that all serve and the photographs that are sent."""
    print("Drawing the photographs and training the model ...", file=sys.stderr)
    with trained(*(["float32"] if float32 else [])) as folder:
        for width in WIDTHS:
            drawings.write(folder / str(width), width)
        yield folder


def machine() -> str:
    """Name the machine."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    memory = psutil.virtual_memory().total / 2**30
    return f"{model}, {psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="how often each server has its turn")
    parser.add_argument("--seconds", type=int, default=4, help="how long each image width is sent in a turn")
    parser.add_argument("--peer-threads", type=int, default=0, help="ONNX Runtime's in each peer; 0 is its own choice")
    parser.add_argument("--float32", action="store_true", help="keep Fovea from serving in eight bits")
    return parser.parse_args()


def _measure(folder: Path, options: argparse.Namespace) -> tuple[Loads, Limits, list[str]]:
    loads: Loads = defaultdict(list)
    limits: Limits = defaultdict(list)
    failed: list[str] = []
    for turn in range(options.rounds):
        for server in (*peers(folder, options.peer_threads), fovea(folder)):
            print(f"Round {turn + 1} of {options.rounds}: {server.name} ...", file=sys.stderr)
            failed += take_turn(server, folder, options.seconds, loads)
        for width in WIDTHS:
            limit = [sys.executable, "-m", "benchmarks.limit", str(folder / MODEL), str(folder / str(width)), "2"]
            limits[width].append(float(check_output(limit)))
    return loads, limits, failed


def take_turn(server: Server, folder: Path, seconds: int, loads: Loads) -> list[str]:
    """Load a server with each width for so many seconds and add what it did; return what went wrong, if anything."""
    try:
        with running(server) as live:
            try:
                put_load(live, folder / str(WIDTHS[0]), WARM_UP_SECONDS)
            except Failed:
                put_load(live, folder / str(WIDTHS[0]), SLOW_WARM_UP_SECONDS)
            for width in WIDTHS:
                loads[width, server.name].append(put_load(live, folder / str(width), seconds))
    except Failed as failure:
        print(failure, file=sys.stderr)
        return [str(failure)]
    return []


def report(loads: Loads, limits: Limits, failed: Sequence[str]) -> None:
    """Print a row for each server, with how many times as fast Fovea is, Fovea's share of the limit, and failures."""
    print("| image width | server | requests/s | Fovea's are | p50 ms | p99 ms | CPU ms/request | failed |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for width in WIDTHS:
        ours = median(each.per_second for each in loads[width, "Fovea"]) if loads[width, "Fovea"] else math.nan
        for (_, name), runs in ((key, found) for key, found in loads.items() if key[0] == width and found):
            rate, p50, p99, cpu = (
                median(getattr(each, figure) for each in runs)
                for figure in ("per_second", "p50_ms", "p99_ms", "cpu_ms")
            )
            lost = sum(each.refused + each.broken for each in runs)
            times = "" if name == "Fovea" else f"{ours / rate:.2f} times"
            print(f"| {width} | {name} | {rate:.0f} | {times} | {p50:.0f} | {p99:.0f} | {cpu:.1f} | {lost} |")
        limit = median(limits[width])
        print(f"| {width} | the limit: no server | {limit:.0f} | {ours / limit:.0%} of it | | | | |")
    for failure, turns in Counter(failed).items():
        print(f"\nNot measured in {turns} turns: {failure}")


if __name__ == "__main__":
    main()
