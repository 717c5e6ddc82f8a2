"""What the machine could do: `python -m benchmarks.limit <bundle> <images> <seconds>` prints predictions a second.

One process for each of Fovea's web workers decodes, prepares and runs the same network in a bare loop: no HTTP, no
judgement of quality or novelty, no log.
"""

from __future__ import annotations

import sys
import time
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from app.classifiers.card import CARD_NAME, Card
from app.inference import limit_threads
from app.inference.engine import ENGINES
from app.inference.image.decode import decode
from app.inference.image.preprocess import preprocess
from benchmarks.servers import WORKERS


def main(bundle: Path, images: Path, seconds: float) -> float:
    """Return the predictions a second of all processes together."""
    context = get_context("spawn")
    ready, rates = context.Barrier(WORKERS), context.SimpleQueue()
    loops = [context.Process(target=_loop, args=(bundle, images, seconds, ready, rates)) for _ in range(WORKERS)]
    for loop in loops:
        loop.start()
    return sum(float(rates.get()) for _ in loops)


def _loop(bundle: Path, images: Path, seconds: float, ready: Any, rates: Any) -> None:  # noqa: ANN401 - untyped
    limit_threads()
    card = Card.model_validate_json((bundle / CARD_NAME).read_bytes())
    kind, size = ENGINES[card.engine], card.preprocessing.size
    engine = kind(bundle / kind.file_name)
    files = cycle([path.read_bytes() for path in sorted(images.iterdir())])

    def predict() -> None:
        square = preprocess(decode(next(files), min_side=size).pixels, card.preprocessing)
        engine.run(square[None])

    predict()
    ready.wait()
    begun, done = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        predict()
        done += 1
    rates.put(done / (time.perf_counter() - begun))


if __name__ == "__main__":
    print(f"{main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])):.1f}")
