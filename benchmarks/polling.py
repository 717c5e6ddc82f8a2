"""Measures what many pollers of a job cost predictions: `python -m benchmarks.polling --help`.

Every poller is a connection of its own that asks for the job, sends back the ETag it got, and waits as long as
Retry-After says. Predictions are asked for at a steady pace with and without them, in turns. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Process
from pathlib import Path
from statistics import median

import httpx

from app.drawing import draw
from benchmarks.bundle import NAME
from benchmarks.pace import paced
from benchmarks.servers import fovea, running, trained

SETTLE = 5.0  # seconds until the pollers have spread


def main() -> None:
    """Measure and print the figures."""
    options = _options()
    with trained() as folder:
        image = folder / "image.jpg"
        image.write_bytes(draw("fundus_normal", 1, 350).jpeg())
        with running(fovea(folder)) as live:
            _measure(live.server.port, image, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pollers", type=int, default=1000, help="connections that follow the job")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side has its turn")
    parser.add_argument("--pace", type=float, default=20, help="predictions a second")
    parser.add_argument("--seconds", type=float, default=8, help="how long they are asked for in a turn")
    return parser.parse_args()


def _measure(port: int, image: Path, options: argparse.Namespace) -> None:
    url = f"http://127.0.0.1:{port}"
    fields = {"classifier": NAME, "more": "true"}  # a job that waits for more: its pollers may ask most often
    files = {"files": ("image.jpg", image.read_bytes())}
    path = httpx.post(f"{url}/api/bulk-predict", data=fields, files=files).raise_for_status().headers["Location"]
    found: dict[str, list[tuple[float, float]]] = {"alone": [], f"with {options.pollers} pollers": []}
    predict = f"{url}/api/predict?classifier={NAME}"
    paced(predict, image, options.pace, 2)  # warm up
    for _ in range(options.rounds):
        for name, figures in found.items():
            with _pollers(port, path, options.pollers if name != "alone" else 0):
                figures.append(paced(predict, image, options.pace, options.seconds))
    for name, figures in found.items():
        p50, p99 = (median(column) for column in zip(*figures, strict=True))
        print(f"predictions {name}, {options.pace:.0f}/s: median {p50:.1f} ms, 99th percentile {p99:.1f} ms")


@contextmanager
def _pollers(port: int, path: str, count: int) -> Iterator[None]:
    process = Process(target=_poll_all, args=(port, path, count), daemon=True)
    if count:
        process.start()
        time.sleep(SETTLE)
    yield
    if count:
        process.terminate()
        process.join()


def _poll_all(port: int, path: str, count: int) -> None:
    asyncio.run(_together(port, path, count))


async def _together(port: int, path: str, count: int) -> None:
    seen: Counter[str] = Counter()
    pollers = [asyncio.create_task(_poll(port, path, SETTLE * number / count / 2, seen)) for number in range(count)]
    while True:
        await asyncio.sleep(SETTLE)
        print(f"({sum(seen.values()) / SETTLE:.0f} polls a second: {dict(seen)})")
        assert not any(poller.done() for poller in pollers), "a poller lost its connection"
        seen.clear()


async def _poll(port: int, path: str, begin: float, seen: Counter[str]) -> None:
    """Follow the job over one connection, by hand: an HTTP client would need more of the cores than the server."""
    await asyncio.sleep(begin)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    etag = ""
    while True:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {etag}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", 0)))
        etag = headers["etag"]
        seen[head[0]] += 1
        await asyncio.sleep(float(headers["retry-after"]))


if __name__ == "__main__":
    main()
