"""Measures the first view of every page of a furnished product; the table of docs/dashboard.md comes from here.

python -m pytest -q -s -p no:randomly tests/pages/measure.py
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import httpx
import pytest
from conftest import Stack
from first_views import see, views
from playwright.sync_api import Browser
from scenery import furnish

REQUESTS = 20


@pytest.mark.timeout(900)
def test_measure(chromium: Browser, stack: Stack) -> None:
    """Print a line for each page: kB, requests, layout shift, and server times in ms."""
    pages = views(furnish(stack.url))
    rows = []
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        for name, view in pages.items():
            context = chromium.new_context(base_url=stack.url, viewport={"width": 1280, "height": 900})
            seen = see(context.new_page(), view)
            context.close()
            calls = {address for address in seen.addresses if "/api/" in address and "image" not in address}
            times = {address: median(http, address) for address in calls}
            slow = max(times, key=lambda address: times[address])
            rows.append((name, seen, median(http, view.path), times[slow], slow))
    _tell(f"\nload {os.getloadavg()[0]:.1f}\n| page | kB | requests | shift | page, ms | slowest call, ms | which |")
    for name, seen, served, slowest, address in rows:
        which = address.removeprefix(stack.url).split("?")[0]
        _tell(f"| {name} | {seen.size / 1000:.0f} | {len(seen.addresses)} | {seen.shift:.3f} | {served:.0f} | "
              f"{slowest:.0f} | {which} |")  # fmt: skip


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def median(http: httpx.Client, address: str) -> float:
    """Return the median milliseconds of warm requests."""
    times = []
    for _ in range(REQUESTS + 2):
        began = time.perf_counter()
        http.get(address).raise_for_status()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[2:])
