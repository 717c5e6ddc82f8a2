"""The most memory that a training takes: `python -m benchmarks.memory [--images 2000 20000] [--weights FOLDER]`.

With `--champions FOLDER` that of a web worker instead, see `benchmarks.sharing`.

Each run is a process of its own, on images that Fovea draws; mode full for one epoch from chance, mode head with the
pretrained weights of FOLDER. The process' own memory is counted, without the pages of mapped files, which the kernel
takes back when others need them.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import psutil

from app.classifiers import Catalog
from app.classifiers.spec import Split
from app.drawing import draw
from app.training.progress import silent
from app.training.trainer import Plan, Sample, train
from benchmarks import sharing

CLASSIFIER: Final = "cat_dog"
DIVISION: Final[tuple[Split, ...]] = (*("train",) * 6, "val", "val", "test", "test")
SIDE: Final = 128  # of the drawings in pixels
EVERY: Final = 0.05  # seconds between two readings of the memory
SPAWN: Final = get_context("spawn")


def main() -> None:
    """Measure each run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[2000, 20000], help="sizes of the dataset")
    parser.add_argument("--weights", type=Path, help="folder of pretrained weights, for mode head")
    parser.add_argument("--champions", type=Path, help="DATA_DIR of trained models: measure a web worker instead")
    options = parser.parse_args()
    if options.champions:
        sharing.main(options.champions)
        return
    plans: list[tuple[str, Literal["head", "full"], int]] = [("vgg16", "full", 100), ("resnet50", "full", 100)]
    plans += [("custom_cnn", "full", count) for count in options.images]
    plans += [("mobilenetv2", "head", count) for count in options.images if options.weights]
    print("| backbone | mode | images | most memory, MB | seconds |\n| --- | --- | ---: | ---: | ---: |", flush=True)
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        samples = draw_images(Path(name), max(count for _, _, count in plans))
        for backbone, mode, count in plans:
            plan = Plan(Catalog()[CLASSIFIER], samples[:count], backbone, mode, 1, 7, "drawn",
                        weights="none" if mode == "full" else "imagenet", weights_dir=options.weights)  # fmt: skip
            with ProcessPoolExecutor(1, SPAWN) as pool:
                peak, seconds = pool.submit(run, plan).result()
            print(f"| {backbone} | {mode} | {count} | {peak / 1e6:.0f} | {seconds:.0f} |", flush=True)
    print(f"\n{os.cpu_count()} cores.")


def draw_images(folder: Path, count: int) -> tuple[Sample, ...]:
    """Draw `count` images on all cores."""
    with ProcessPoolExecutor(mp_context=SPAWN) as pool:
        hashes = pool.map(_draw, [folder] * count, range(count), chunksize=100)
        classes = Catalog()[CLASSIFIER].class_names
        return tuple(
            Sample(folder / f"{number}.jpg", digest, classes[number % 2], split, str(number))
            for number, (digest, split) in enumerate(zip(hashes, cycle(DIVISION), strict=False))
        )


def _draw(folder: Path, number: int) -> str:
    data = draw(("cat_face", "dog_face")[number % 2], number, SIDE).jpeg()
    (folder / f"{number}.jpg").write_bytes(data)
    return sha256(data).hexdigest()


def run(plan: Plan) -> tuple[int, float]:
    """Train in this process; return the peak of private memory in bytes, and the seconds."""
    peak, ended, process = 0, threading.Event(), psutil.Process()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(EVERY):
            memory = process.memory_info()
            peak = max(peak, memory.rss - memory.shared)

    watcher, started = threading.Thread(target=watch), time.monotonic()
    watcher.start()
    with TemporaryDirectory() as bundle:
        train(plan, Path(bundle), silent)
    ended.set()
    watcher.join()
    return peak, time.monotonic() - started


if __name__ == "__main__":
    main()
