"""Compares what users serve: the five classifiers' champions, in Fovea and in two peers; part of `make bench`.

With `--data FOLDER`, a DATA_DIR in which the classifiers were trained on photographs, its champions are measured; else
the demonstration models. With `--photographs FOLDER`, which has a folder of each classifier, its images are sent; else
drawings. The peers, FastAPI and LitServe with two processes each, serve the very same networks with ONNX Runtime. The
limit is a bare loop of Fovea's decoding and network. Fovea also answers for its demonstration model of cats and dogs.
Servers take turns; figures are medians over the rounds, and the spread is from the slowest to the fastest.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from subprocess import check_output
from tempfile import TemporaryDirectory
from typing import Final

from app.classifiers.card import CARD_NAME, Card
from app.classifiers.catalog import Catalog
from app.config import CHECKOUT
from benchmarks.drawings import IMAGES
from benchmarks.load import CONNECTIONS, Load, put_load, require_wrk
from benchmarks.photographs import drawn, files
from benchmarks.servers import PEER_PYTHON, WORKERS, Failed, Server, fovea_at, peer, running
from benchmarks.serving import machine
from benchmarks.sharing import copied, find_champions

DEMONSTRATION: Final = "cat_dog"
WARM_UP_SECONDS: Final = 3
LIMIT: Final = "the limit: no server"
Rates = dict[tuple[str, str], list[Load | float]]


def main() -> None:
    """Measure and print a Markdown table."""
    options = _options()
    require_wrk()
    if not PEER_PYTHON.exists():
        sys.exit("The peers are not installed; run: make bench")
    rates: Rates = defaultdict(list)
    failed: set[str] = set()
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        folder = Path(name)
        bundles = _bundles(options.data, folder)
        for classifier in options.classifiers:
            _write_images(classifier, options.photographs, folder / "images" / classifier)
        for turn in range(options.rounds):
            for classifier in options.classifiers:
                print(f"Round {turn + 1} of {options.rounds}: {classifier} ...", file=sys.stderr)
                failed |= _measure(classifier, bundles[classifier], folder, options.seconds, rates)
    print(f"Machine: {machine()}; {WORKERS} processes, {CONNECTIONS} connections, wrk on the same machine.\n")
    report(rates)
    for sentence in sorted(failed):
        print(f"\nNot measured: {sentence}")


def _measure(classifier: str, bundle: Path, folder: Path, seconds: int, rates: Rates) -> set[str]:
    """Give each server its turn and add what it did; return what went wrong, if anything."""
    images, failed = folder / "images" / classifier, set()
    for server in _servers(classifier, bundle, folder):
        try:
            with running(server) as live:
                put_load(live, images, WARM_UP_SECONDS)
                rates[classifier, server.name].append(put_load(live, images, seconds))
        except Failed as failure:
            failed.add(f"{classifier}: {failure}")
    limit = [sys.executable, "-m", "benchmarks.limit", str(bundle), str(images), "2"]
    rates[classifier, LIMIT].append(float(check_output(limit)))
    return failed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="DATA_DIR whose champions are measured")
    parser.add_argument("--photographs", type=Path, help="folder with a folder of images for each classifier")
    parser.add_argument("--classifiers", nargs="+", choices=list(Catalog()), default=list(Catalog()))
    parser.add_argument("--rounds", type=int, default=3, help="how often each server has its turn")
    parser.add_argument("--seconds", type=int, default=4, help="how long a turn takes")
    return parser.parse_args()


def _bundles(data: Path | None, folder: Path) -> dict[str, Path]:
    """Copy the champions into a DATA_DIR of their own, as version 1; return their folders."""
    found = find_champions(data) if data else {name: CHECKOUT / "models" / name / "1" for name in Catalog()}
    copied(found, folder / "data")
    copied({DEMONSTRATION: CHECKOUT / "models" / DEMONSTRATION / "1"}, folder / "demonstration")
    return {name: folder / "data" / "models" / name / "1" for name in found}


def _write_images(classifier: str, photographs: Path | None, folder: Path) -> None:
    """Write 0.jpg, 1.jpg, ...; drawings where there are no photographs of the classifier."""
    place = photographs / classifier if photographs else None
    found = files(place, IMAGES) if place and place.is_dir() else drawn(Catalog()[classifier], IMAGES)
    folder.mkdir(parents=True)
    for number in range(IMAGES):
        (folder / f"{number}.jpg").write_bytes(found[number % len(found)])


def _servers(classifier: str, bundle: Path, folder: Path) -> Iterator[Server]:
    card = Card.model_validate_json((bundle / CARD_NAME).read_bytes())
    env = {
        "MODEL": str(bundle / "model"), "THREADS": "0", "WORKERS": str(WORKERS),
        "SIZE": str(card.preprocessing.size), "CLASSES": ",".join(card.classes),
    }  # fmt: skip
    start = ("-m", "uvicorn", "benchmarks.peers.fastapi_onnx:app", "--port", "{port}", "--log-level", "warning")
    yield peer("FastAPI + ONNX Runtime", env, *start, "--no-access-log", "--workers", str(WORKERS))
    yield peer("LitServe + ONNX Runtime", env, "-m", "benchmarks.peers.litserve_onnx", "{port}", str(WORKERS))
    yield fovea_at(folder / "data", classifier)
    if classifier == DEMONSTRATION:
        yield fovea_at(folder / "demonstration", classifier, name="Fovea, demonstration model")


def report(rates: Mapping[tuple[str, str], list[Load | float]]) -> None:
    """Print a row for each classifier and server."""
    print("| classifier | server | requests/s | spread | Fovea's are | p50 ms | p99 ms | CPU ms/request | failed |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for (classifier, name), runs in rates.items():
        loads = [each for each in runs if isinstance(each, Load)]
        found = sorted(each.per_second if isinstance(each, Load) else each for each in runs)
        ours = [each.per_second for each in rates.get((classifier, "Fovea"), []) if isinstance(each, Load)]
        times = f"{median(ours) / median(found):.2f} times" if ours and not name.startswith("Fovea") else ""
        figures = ""
        if loads:
            p50, p99, cpu = (median(getattr(each, key) for each in loads) for key in ("p50_ms", "p99_ms", "cpu_ms"))
            figures = f"{p50:.0f} | {p99:.0f} | {cpu:.1f} | {sum(each.refused + each.broken for each in loads)}"
        rate = f"{median(found):.0f} | {found[0]:.0f} to {found[-1]:.0f}"
        print(f"| {classifier} | {name} | {rate} | {times} | {figures or ' | | |'} |")


if __name__ == "__main__":
    main()
