"""Runs the topology of docs/deployment.md for real and loads it: `make bench-topology`.

Reports requests a second through nginx with one web server and with two, in turn, whether a request failed while one of
two was drained and killed, whether one failed when it was killed without warning, and whom Fovea saw behind nginx.
Needs nginx, PostgreSQL, openssl and wrk; everything listens on loopback alone.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Timer
from urllib.request import urlopen

from benchmarks import drawings
from benchmarks.load import require_wrk, send
from benchmarks.serving import machine
from benchmarks.site import Site, find_nginx, site

WIDTH = 350
DRAIN_SECONDS = 3  # for the requests under way


def main() -> None:
    """Measure and print a Markdown report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="how often one and two web servers take their turn")
    parser.add_argument("--seconds", type=int, default=6, help="how long each is loaded in a turn")
    options = parser.parse_args()
    require_wrk()
    if find_nginx() is None:
        sys.exit("nginx is missing: install it (Debian: apt install nginx-light).")
    with TemporaryDirectory(prefix="fovea-site-") as name:
        print("Starting the topology ...", file=sys.stderr)
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's user passes through
        drawings.write(folder / "images", WIDTH)
        with site(folder) as running:
            measure(running, folder / "images", options)


def measure(running: Site, images: Path, options: argparse.Namespace) -> None:
    """Load the running topology in each way."""
    url = f"{running.nginx.url}/api/predict?classifier=cat_dog"
    first, second = running.web
    rates: dict[int, list[float]] = {1: [], 2: []}
    failed = 0
    send(url, images, 3)  # warm up
    for _ in range(options.rounds):
        for ports in ((first,), (first, second)):
            rebalance(running, *ports)
            rate, *_, refused, broken = send(url, images, options.seconds)
            rates[len(ports)].append(rate)
            failed += int(refused + broken)
    one, two = median(rates[1]), median(rates[2])
    print(f"Machine: {machine()}; nginx with TLS, one process in each web server.\n")
    print("| what | requests/s | failed |\n| --- | ---: | ---: |")
    print(
        f"| one web server | {one:.0f} | |\n| two web servers | {two:.0f} ({two / one:.2f} times) | {failed} of all |"
    )
    print(row("one of two drained, then killed", url, images, lambda: drain(running, first, second)))
    third = running.start_web()
    rebalance(running, second, third)
    print(row("one of two killed without warning", url, images, running.web[third].kill))
    context = running.nginx.trust()
    with urlopen(f"{running.nginx.url}/livez", context=context) as answer:  # noqa: S310 - our own nginx
        scheme = "https" if "Strict-Transport-Security" in answer.headers else "http"
    lines = [line for line in (running.folder / "web.log").read_text().splitlines() if '"/api/predict"' in line]
    print(f"\nFovea saw these clients, by {scheme}: {dict(Counter(json.loads(line)['client'] for line in lines))}")


def row(what: str, url: str, images: Path, event: Callable[[], None]) -> str:
    """Load for a while, let the event happen meanwhile, and return a row of the report."""
    timer = Timer(4, event)
    timer.start()
    rate, *_, refused, broken = send(url, images, 6 + 2 * DRAIN_SECONDS)
    timer.join()
    return f"| {what} | {rate:.0f} | {int(refused + broken)} |"


def rebalance(running: Site, *ports: int) -> None:
    """Let nginx use these web servers alone."""
    running.nginx.balance(ports)
    running.nginx.reload()
    time.sleep(1)  # for its new process


def drain(running: Site, gone: int, left: int) -> None:
    """Take a web server out of service as one does it for an update."""
    rebalance(running, left)
    time.sleep(DRAIN_SECONDS)
    running.web[gone].send_signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
