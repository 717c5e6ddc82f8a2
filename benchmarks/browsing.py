"""Times pages of a large dataset's images, and changes of them: `python -m benchmarks.browsing --help`.

It makes a database of so many images, without files, in a folder of its own and asks each call in this process, all of
them in turns; the figures are medians.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import insert

from app import create_app
from app.batched import batched
from app.config import Settings
from app.factory import EXTENSION
from app.services.setup import initialise
from app.store.db import db
from app.store.tables import Image

URL = "/api/datasets/cat_dog/images"
CHANGED = 1000


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        with app.app_context():
            initialise(app.extensions[EXTENSION])
            for some in batched(range(options.images), 5000):
                db.session.execute(insert(Image), [_row(number) for number in some])
                db.session.commit()
            _print(app.test_client(), options)
            db.session.remove()
            db.engine.dispose()


def _row(number: int) -> dict[str, Any]:
    return {
        "classifier": "cat_dog", "sha256": f"{number:064x}", "label": ("cat", "dog")[number % 2],
        "split": ("train", "test", None)[number % 10 % 3], "group": f"patient-{number // 3}",
        "filename": f"{number * 7919 % 1_000_003}.jpg", "source": "upload", "width": 640, "height": 480,
    }  # fmt: skip


def _print(client: FlaskClient, options: argparse.Namespace) -> None:
    deep = options.images * 9 // 10
    behind = client.get(f"{URL}?limit=1&offset={deep - 1}").get_json()["next_cursor"]
    by_name = client.get(f"{URL}?limit=1&sort=name&offset={deep - 1}").get_json()["next_cursor"]
    hashes = [f"{number:064x}" for number in range(min(CHANGED, options.images))]
    calls: dict[str, Callable[[], Any]] = {
        "the first page, with the total": lambda: client.get(URL),
        "of one class and split": lambda: client.get(f"{URL}?label=dog&split=test"),
        f"behind image {deep}, by cursor": lambda: client.get(f"{URL}?cursor={behind}"),
        f"behind image {deep}, by offset": lambda: client.get(f"{URL}?offset={deep}"),
        f"behind image {deep} by name, by cursor": lambda: client.get(f"{URL}?sort=name&cursor={by_name}"),
        f"behind image {deep} by name, by offset": lambda: client.get(f"{URL}?sort=name&offset={deep}"),
        "a file name that one image has": lambda: client.get(f"{URL}?q=7919.jpg"),
        f"tag {len(hashes)} images": lambda: client.patch(URL, json={"sha256": hashes, "tags_added": ["a"]}),
        "undo that": lambda: client.post("/api/datasets/cat_dog/undo"),
        f"relabel {len(hashes)} images": lambda: client.patch(URL, json={"sha256": hashes, "label": "dog"}),
        "undo that, too": lambda: client.post("/api/datasets/cat_dog/undo"),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            answer = call()
            times[name].append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, answer.text
    print(f"| {options.images} images | ms |\n| --- | ---: |")
    for name, found in times.items():
        print(f"| {name} | {median(found):.1f} |")


if __name__ == "__main__":
    main()
