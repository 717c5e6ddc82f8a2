"""Embeddings kept on disk by the content of the image: a file of SQLite for each way to compute them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.inference.arrays import Floats

WAIT = 60.0  # seconds for another process that writes
MANY = 500  # keys in one question
TABLE = (
    "CREATE TABLE IF NOT EXISTS view (sha256 TEXT, look TEXT, embedding BLOB, measures TEXT,"
    " PRIMARY KEY (sha256, look))"
)


class View(NamedTuple):
    """One look at an image: the hash of its file's content, and "" or the name of the variation."""

    sha256: str
    look: str


class Stored(NamedTuple):
    """What is known of a view: its `embedding` (d,) float32 and the quality `measures` of the square."""

    embedding: Floats
    measures: dict[str, float]


class FeatureStore:
    """Reads and adds views; safe with several processes, and whole after a kill."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._open() as base:
            base.execute(TABLE)

    def read(self, views: Iterable[View]) -> dict[View, Stored]:
        """What is known of `views`; those that are missing were never added."""
        hashes, found = sorted({view.sha256 for view in views}), {}
        wanted = set(views)
        with self._open() as base:
            for sha256, look, embedding, measures in _rows(base, hashes):
                if (view := View(sha256, look)) in wanted:
                    found[view] = Stored(np.frombuffer(embedding, np.float32), json.loads(measures))
        return found

    def add(self, views: Sequence[View], stored: Sequence[Stored]) -> None:
        """Add all or nothing; what is there already is written anew."""
        rows = [
            (*view, np.asarray(each.embedding, np.float32).tobytes(), json.dumps(each.measures))
            for view, each in zip(views, stored, strict=True)
        ]
        with self._open() as base:
            base.executemany("INSERT OR REPLACE INTO view VALUES (?, ?, ?, ?)", rows)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=WAIT)) as base, base:
            yield base


def _rows(base: sqlite3.Connection, hashes: Sequence[str]) -> Iterator[tuple[str, str, bytes, str]]:
    for start in range(0, len(hashes), MANY):
        some = hashes[start : start + MANY]
        marks = ",".join("?" * len(some))
        yield from base.execute(f"SELECT * FROM view WHERE sha256 IN ({marks})", some)  # noqa: S608  # marks only
