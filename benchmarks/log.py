"""What it costs to log a prediction durably: `python -m benchmarks.log [folder]`, on the folder's disk.

Rows like those of the prediction log are written to SQLite, each in a commit of its own or several gathered in one,
with synchronous=NORMAL (a crash of a process loses nothing, a power cut the last rows) and FULL (nor does a power cut).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, create_engine, insert, text

from app.store.db import new_id
from app.store.tables import Prediction

COMMITS = 100
ROW: dict[str, Any] = {
    "classifier": "benchmark", "model_version": 1, "sha256": "0" * 64, "predicted_class": "cat", "confidence": 0.5,
    "decision": "accept", "measures": dict.fromkeys(("sharpness", "brightness", "contrast", "field"), 0.5),
    "body": {"answer": "x" * 700}, "duration_ms": 1.0,
}  # fmt: skip


def main() -> None:
    """Measure and print a Markdown table."""
    print("| synchronous | rows in a commit | ms, a row | ms of processor time, a row |")
    print("| --- | ---: | ---: | ---: |")
    for mode in ("NORMAL", "FULL"):
        for rows in (1, 8):
            with TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
                wall, cpu = _cost(create_engine(f"sqlite:///{Path(folder) / 'log.db'}"), mode, rows)
            print(f"| {mode} | {rows} | {wall:.3f} | {cpu:.3f} |")


def _cost(engine: Engine, mode: str, rows: int) -> tuple[float, float]:
    """Return the median milliseconds of a row."""
    Prediction.metadata.create_all(engine, [Prediction.metadata.tables["predictions"]])
    walls, cpus = [], []
    with engine.connect() as connection:
        connection.execute(text(f"PRAGMA synchronous={mode}"))
        connection.commit()
        for _ in range(COMMITS):
            wall, cpu = time.perf_counter(), time.thread_time()
            connection.execute(insert(Prediction), [ROW | {"id": new_id()} for _ in range(rows)])
            connection.commit()
            walls.append(1000 * (time.perf_counter() - wall) / rows)
            cpus.append(1000 * (time.thread_time() - cpu) / rows)
    engine.dispose()
    return median(walls), median(cpus)


if __name__ == "__main__":
    main()
