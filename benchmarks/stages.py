"""Where the processor time of one prediction goes: `make bench-stages`, or `python -m benchmarks.stages`.

Each stage is called by itself in one process, the stages in turn; the medians are of the thread's own processor time.
What gunicorn, gevent and the kernel add is the difference to `CPU ms/request` in the table of `make bench`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from app import create_app
from app.classifiers.card import Card
from app.config import Settings
from app.factory import EXTENSION
from app.inference.engine import ENGINES
from app.inference.image.appearance import describe
from app.inference.image.decode import decode
from app.inference.image.preprocess import preprocess
from app.inference.image.quality import assess, measure
from app.inference.novelty import APPEARANCE, EMBEDDING, NOVELTY_NAME, Novelty
from app.inference.predictor import Predictor
from app.services.serving.predict import PredictionRequest
from app.services.setup import initialise
from app.services.wiring import Services
from benchmarks.bundle import NAME
from benchmarks.drawings import WIDTHS
from benchmarks.servers import MODEL
from benchmarks.serving import machine, prepared

CALLS = 100
ROWS = (
    "decode", "crop and resize", "network", "quality", "novelty", "calibration, decision", "keep the image",
    "log, aliases, answer", "Flask, form, JSON, metrics", "application",
)  # fmt: skip
Stages = dict[str, Callable[[], Any]]


def main() -> None:
    """Measure and print a Markdown report."""
    with prepared() as folder:
        app = create_app(Settings(data_dir=folder / "data", classifiers_dir=folder / "classifiers", answer_cache="off"))
        with app.app_context():
            services: Services = app.extensions[EXTENSION]
            initialise(services)
            images = {width: (folder / str(width) / "0.jpg").read_bytes() for width in WIDTHS}
            found = {
                width: _milliseconds(_stages(app, services, folder / MODEL, data)) for width, data in images.items()
            }
    print(f"Machine: {machine()}.\n")
    _report(found)


def _stages(app: Flask, services: Services, bundle: Path, data: bytes) -> Stages:
    """Return the stages, and below them the calls that hold them."""
    predictor = Predictor(bundle)
    card: Card = predictor.card
    kind = ENGINES[card.engine]
    engine, novelty = kind(bundle / kind.file_name), Novelty.load(bundle / NOVELTY_NAME)
    pixels = decode(data, min_side=card.preprocessing.size).pixels
    square = preprocess(pixels, card.preprocessing)
    embedding = engine.run(square[None]).embedding
    environ = create_environ("/api/predict", query_string={"classifier": NAME}, method="POST", data=data)
    return {
        "decode": lambda: decode(data, min_side=card.preprocessing.size),
        "crop and resize": lambda: preprocess(pixels, card.preprocessing),
        "network": lambda: engine.run(square[None]),
        "quality": lambda: assess(measure(square), card.reference.quality),
        "novelty": lambda: novelty.score({EMBEDDING: embedding, APPEARANCE: describe(square)[None]}),
        "predictor": lambda: predictor.predict(data),
        "keep the image": lambda: services.files.put(data),
        "use case": lambda: services.predict.predict(PredictionRequest(data, NAME)),
        "application": lambda: run_wsgi_app(app, environ | {"wsgi.input": BytesIO(data)}),
    }


def _milliseconds(stages: Stages) -> dict[str, float]:
    """Call the stages in turn; return the median of each."""
    taken: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(CALLS):
        for name, stage in stages.items():
            begun = time.thread_time()
            stage()
            taken[name].append(1000 * (time.thread_time() - begun))
    return {name: median(times) for name, times in taken.items()}


def _report(found: dict[int, dict[str, float]]) -> None:
    """Print a row for each stage; the rest of each call is another row."""
    for times in found.values():
        inside = sum(times[name] for name in ("decode", "crop and resize", "network", "quality", "novelty"))
        times["calibration, decision"] = times["predictor"] - inside
        times["log, aliases, answer"] = times["use case"] - times["predictor"] - times["keep the image"]
        times["Flask, form, JSON, metrics"] = times["application"] - times["use case"]
    print("| ms of processor time |", " | ".join(f"{width} px" for width in found), "|")
    print("| --- |", " | ".join("---:" for _ in found), "|")
    for row in ROWS:
        print(f"| {row} |", " | ".join(f"{times[row]:.2f}" for times in found.values()), "|")


if __name__ == "__main__":
    main()
