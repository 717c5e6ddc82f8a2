"""Keeps embeddings on disk by the content of the image: one SQLite file for each way to compute them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.inference.arrays import Floats
from app.training.batching import batches

WAIT = 60.0  # seconds for another process that writes
MANY = 500  # keys in one question
TABLE = (
    "CREATE TABLE IF NOT EXISTS view (sha256 TEXT, copy TEXT, embedding BLOB, measures TEXT,"
    " PRIMARY KEY (sha256, copy))"
)


class View(NamedTuple):
    """An image or a varied copy of it: the hash of the file's content, and the name of the copy ("" for the image)."""

    sha256: str
    copy: str


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
            for sha256, copy, embedding, measures in _rows(base, hashes):
                if (view := View(sha256, copy)) in wanted:
                    found[view] = Stored(np.frombuffer(embedding, np.float32), json.loads(measures))
        return found

    def add(self, views: Sequence[View], stored: Sequence[Stored]) -> None:
        """Add all or nothing; a view that is there already is overwritten."""
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
    for some in batches(hashes, MANY):
        marks = ",".join("?" * len(some))
        yield from base.execute(f"SELECT * FROM view WHERE sha256 IN ({marks})", some)  # noqa: S608  # marks only
