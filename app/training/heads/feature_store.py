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
    "CREATE TABLE IF NOT EXISTS view (sha256 TEXT, copy TEXT, embedding BLOB, measures TEXT, appearance BLOB,"
    " PRIMARY KEY (sha256, copy))"
)


class View(NamedTuple):
    """An image or a varied copy of it: the hash of the file's content, and the name of the copy ("" for the image)."""

    sha256: str
    copy: str


class Stored(NamedTuple):
    """What is known of a view: its `embedding` (d,), the quality `measures` of the square and its `appearance` (k,).

    The last two are of the photograph as it is, float32.
    """

    embedding: Floats
    measures: dict[str, float]
    appearance: Floats


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
            for sha256, copy, embedding, measures, appearance in _rows(base, hashes):
                if (view := View(sha256, copy)) in wanted:
                    numbers = np.frombuffer(embedding, np.float32), np.frombuffer(appearance, np.float32)
                    found[view] = Stored(numbers[0], json.loads(measures), numbers[1])
        return found

    def has_all(self, hashes: Sequence[str], copy: str) -> bool:
        """Whether every image has this copy."""
        with self._open() as base:
            known = {row[0] for row in base.execute("SELECT sha256 FROM view WHERE copy = ?", (copy,))}
        return known.issuperset(hashes)

    def add(self, views: Sequence[View], stored: Sequence[Stored]) -> None:
        """Add all or nothing; a view that is there already is overwritten."""
        rows = [
            (*view, _packed(each.embedding), json.dumps(each.measures), _packed(each.appearance))
            for view, each in zip(views, stored, strict=True)
        ]
        with self._open() as base:
            base.executemany("INSERT OR REPLACE INTO view VALUES (?, ?, ?, ?, ?)", rows)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=WAIT)) as base, base:
            yield base


def _packed(numbers: Floats) -> bytes:
    return np.asarray(numbers, np.float32).tobytes()


def _rows(base: sqlite3.Connection, hashes: Sequence[str]) -> Iterator[tuple[str, str, bytes, str, bytes]]:
    for some in batches(hashes, MANY):
        marks = ",".join("?" * len(some))
        yield from base.execute(f"SELECT * FROM view WHERE sha256 IN ({marks})", some)  # noqa: S608  # marks only
