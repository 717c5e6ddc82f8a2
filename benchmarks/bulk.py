"""Compares bulk prediction with a bare loop: `python -m benchmarks.bulk --help`.

The bare loop reads the same files, decodes them and runs the network, in one process for each core, and does nothing
else. Fovea also grades, scores novelty and writes every answer to its database; its rate is that of the job, from its
first claim to its end, with as many batch processes. They take turns. Then predictions are asked for at a steady pace
while nothing else is done and while a bulk job runs, in turns too. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import zipfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from app.drawing import draw
from app.inference import limit_threads
from app.inference.image.decode import decode
from app.inference.image.preprocess import preprocess
from app.inference.predictor import Predictor
from benchmarks.bundle import NAME
from benchmarks.pace import paced
from benchmarks.servers import fovea, running, trained

DRAWN = 40  # different pictures; the files differ all
WARM = 20


def main() -> None:
    """Measure and print the figures."""
    options = _options()
    with trained() as folder:
        images = _write_images(folder / "images", options.images, options.width)
        with running(fovea(folder)) as live:
            url = f"http://127.0.0.1:{live.server.port}"
            bundle = folder / "data" / "models" / NAME / "1"
            rates = [(_bare(bundle, images), _bulk(url, images)) for _ in range(options.rounds)]
            _print_rates(rates, options)
            if options.pace:
                _print_latencies(url, images, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000, help="of one bulk job")
    parser.add_argument("--width", type=int, default=350, help="of an image, in pixels")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side has its turn")
    parser.add_argument("--pace", type=float, default=20, help="predictions a second meanwhile; 0 leaves that part out")
    parser.add_argument("--seconds", type=float, default=8, help="how long predictions are asked for in a turn")
    return parser.parse_args()


def _write_images(folder: Path, count: int, width: int) -> list[Path]:
    """Draw some pictures and write them often, each file with different bytes after the picture."""
    folder.mkdir()
    drawn = [draw("fundus_normal", seed, width).jpeg() for seed in range(min(DRAWN, count))]
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(drawn[number % len(drawn)] + number.to_bytes(4, "big"))
    return paths


def _bare(bundle: Path, images: Sequence[Path]) -> float:
    """Return the images a second of the bare loop on all cores."""
    cores = os.cpu_count() or 1
    shares = [images[core::cores] for core in range(cores)]
    context = get_context("spawn")
    with ProcessPoolExecutor(cores, context, _load, (bundle, context.Barrier(cores))) as pool:
        times = list(pool.map(_loop, shares))
    return len(images) / (max(end for _, end in times) - min(begin for begin, _ in times))


_loaded: Any = None


def _load(bundle: Path, together: Any) -> None:  # noqa: ANN401 - a barrier of the context
    global _loaded  # noqa: PLW0603 - what the process keeps
    limit_threads()
    _loaded = Predictor(bundle)
    together.wait()


def _loop(images: Sequence[Path]) -> tuple[float, float]:
    preprocessing, engine = _loaded.card.preprocessing, _loaded._engine  # noqa: SLF001 - the network alone
    begun = time.monotonic()
    for path in images:
        pixels = decode(path.read_bytes(), min_side=preprocessing.size).pixels
        engine.run(preprocess(pixels, preprocessing)[None])
    return begun, time.monotonic()


def _submit(url: str, images: Sequence[Path]) -> str:
    archive = images[0].parent / "images.zip"
    if not archive.exists():
        with zipfile.ZipFile(archive, "w") as packed:
            for path in images:
                packed.write(path, path.name)
    with archive.open("rb") as file:
        form = {"files": ("images.zip", file)}
        answer = httpx.post(f"{url}/api/bulk-predict", files=form, data={"classifier": NAME}, timeout=120)
    return url + str(answer.raise_for_status().headers["Location"])


def _wait(job_url: str) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = httpx.get(job_url, timeout=30).json()
        if job["status"] not in ("queued", "running"):
            assert job["status"] == "succeeded", json.dumps(job)[:2000]
            return job
        time.sleep(0.5)


def _bulk(url: str, images: Sequence[Path]) -> float:
    """Return the images a second of a bulk job."""
    job = _wait(_submit(url, images))
    return len(images) / float(job["result"]["seconds"])


def _print_rates(rates: Sequence[tuple[float, float]], options: argparse.Namespace) -> None:
    bare, bulk = (median(side) for side in zip(*rates, strict=True))
    share = median(b / a for a, b in rates)
    print(f"{options.images} images of {options.width} px, {os.cpu_count()} cores, medians of {options.rounds} rounds:")
    print(f"bare loop {bare:.0f}/s, bulk job {bulk:.0f}/s: {share:.0%} of it (rounds:", end=" ")
    print(", ".join(f"{b / a:.0%}" for a, b in rates) + ")")


def _print_latencies(url: str, images: Sequence[Path], options: argparse.Namespace) -> None:
    asked = f"{url}/api/predict?classifier={NAME}"
    paced(asked, images[0], options.pace, WARM / options.pace)
    found: dict[str, list[tuple[float, float]]] = {"quiet": [], "during a bulk job": []}
    for _ in range(options.rounds):
        found["quiet"].append(paced(asked, images[0], options.pace, options.seconds))
        job = _submit(url, images)
        found["during a bulk job"].append(paced(asked, images[0], options.pace, options.seconds))
        still = httpx.get(job, timeout=30).json()["status"]
        print(f"(the job was {still} when the last prediction was answered)")
        _wait(job)
    for name, figures in found.items():
        p50, p99 = (median(column) for column in zip(*figures, strict=True))
        print(f"predictions {name}, {options.pace:.0f}/s: median {p50:.1f} ms, 99th percentile {p99:.1f} ms")


if __name__ == "__main__":
    main()
