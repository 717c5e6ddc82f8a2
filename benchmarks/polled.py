"""Times the calls that the dashboard repeats, on a full database: `python -m benchmarks.polled --help`.

It makes a database of so many predictions, of the last 30 days, and images in a folder of its own, and asks each call
in this process: the first time, when nothing is known yet, and the median of those after. It also writes predictions
as the log does, one by one, with the indexes of these calls and without them, in turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, cast

from flask.testing import FlaskClient
from sqlalchemy import Index, Table, insert

from app import create_app
from app.batched import batched
from app.config import Settings
from app.factory import EXTENSION
from app.services.setup import initialise
from app.services.wiring import Services
from app.store.db import db, new_id, now
from app.store.tables import Image, Prediction

CLASSIFIER, CLASSES = "cat_dog", ("cat", "dog")
CALLS = (
    "/api/statistics", "/api/statistics?hours=24", f"/api/statistics?classifier={CLASSIFIER}&hours=24",
    f"/api/drift/{CLASSIFIER}", "/api/predictions?limit=20", f"/api/predictions?classifier={CLASSIFIER}&limit=20",
    "/api/feedback", f"/api/datasets/{CLASSIFIER}", f"/api/visualizations?classifier={CLASSIFIER}",
)  # fmt: skip
ADDED = ("predictions_by_classifier", "predictions_labelled")
DAYS = 30
CHUNK = 5000


def main() -> None:
    """Measure and print a Markdown table."""
    options = _options()
    with TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        with app.app_context():
            services: Services = app.extensions[EXTENSION]
            initialise(services)
            _fill(Prediction, _predictions(services, options.predictions))
            _fill(Image, _images(options.images))
            services.history.count()
            _print_calls(app.test_client(), options)
            _print_inserts(options)
            db.session.remove()
            db.engine.dispose()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--predictions", type=int, default=200_000, help="rows of the prediction log")
    parser.add_argument("--images", type=int, default=20_000, help="images of the dataset")
    parser.add_argument("--rounds", type=int, default=7, help="how often each call is asked again")
    return parser.parse_args()


def _predictions(services: Services, count: int) -> Iterator[dict[str, Any]]:
    """Yield rows of the log, a tenth of them labelled, the newest now."""
    version = services.registry.champion(CLASSIFIER)
    measures = dict.fromkeys(services.registry.card(CLASSIFIER, version).reference.histograms, 0.5)
    shares = dict.fromkeys((*CLASSES, "glaucoma", "normal"), 0.5)
    body = {"predicted_class": "cat", "confidence": 0.5, "probabilities": shares, "notice": "x" * 700}
    for number in range(count):
        at = now() - timedelta(days=DAYS) * (count - number - 1) / max(count, 1)
        labelled = number % 10 == 0
        yield {
            "id": new_id(), "classifier": CLASSIFIER if number % 2 else "glaucoma", "model_version": version,
            "sha256": f"{number:064x}", "predicted_class": CLASSES[number % 3 % 2], "confidence": number % 100 / 100,
            "decision": ("accept", "uncertain")[number % 5 == 0], "measures": measures, "body": body,
            "duration_ms": 1.0, "created_at": at, "label": "cat" if labelled else None,
            "labelled_at": at if labelled else None,
        }  # fmt: skip


def _images(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {
            "classifier": CLASSIFIER, "sha256": f"{number:064x}", "label": CLASSES[number % 2], "split": None,
            "group": f"patient-{number // 2}", "filename": f"{number}.jpg", "source": "upload",
            "width": 640 + number % 50, "height": 480,
        }  # fmt: skip


def _fill(table: type[Any], rows: Iterator[dict[str, Any]]) -> None:
    for some in batched(rows, CHUNK):
        db.session.execute(insert(table), list(some))
        db.session.commit()


def _print_calls(client: FlaskClient, options: argparse.Namespace) -> None:
    print(f"{options.predictions} predictions, {options.images} images\n")
    print("| call | ms, the first | ms, those after |\n| --- | ---: | ---: |")
    for call in CALLS:
        first, *others = [_milliseconds(lambda call=call: _get(client, call)) for _ in range(options.rounds + 1)]  # type: ignore[misc]
        print(f"| {call} | {first:.1f} | {median(others):.1f} |")


def _get(client: FlaskClient, call: str) -> None:
    answer = client.get(call)
    assert answer.status_code == 200, answer.text


def _print_inserts(options: argparse.Namespace) -> None:
    table = cast("Table", Prediction.__table__)
    indexes = [index for index in table.indexes if index.name in ADDED]
    found: dict[str, list[float]] = {"without these indexes": [], "as it is": []}
    for _ in range(options.rounds):
        for name, times in found.items():
            _change(indexes, there=name == "as it is")
            times.append(median(_milliseconds(_log_one) for _ in range(200)))
    _change(indexes, there=True)
    print("\n| a prediction is logged | ms |\n| --- | ---: |")
    for name, times in found.items():
        print(f"| {name} | {median(times):.3f} |")


def _change(indexes: list[Index], there: bool) -> None:
    for index in indexes:
        (index.create if there else index.drop)(db.engine, checkfirst=True)


def _log_one() -> None:
    row = {
        "id": new_id(), "classifier": CLASSIFIER, "model_version": 1, "sha256": "0" * 64, "predicted_class": "cat",
        "confidence": 0.5, "decision": "accept", "measures": {}, "body": {"answer": "x" * 700}, "duration_ms": 1.0,
        "created_at": now(),
    }  # fmt: skip
    with db.engine.begin() as connection:
        connection.execute(insert(Prediction), row)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
