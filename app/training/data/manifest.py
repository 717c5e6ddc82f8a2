"""The manifest of a dataset version: every image's content hash, label, source, group and split, in order."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from typing import NamedTuple

from app.classifiers.spec import Split
from app.training.data.samples import Sample


class Row(NamedTuple):
    """One image of a dataset version."""

    sha256: str
    label: str
    source: str
    group: str
    split: Split


def of(samples: Iterable[Sample]) -> list[Row]:
    """The manifest of these images, sorted, so that their order does not count."""
    return sorted(Row(each.sha256, each.label, each.source, each.group, each.split) for each in samples)


def text(rows: Iterable[Row]) -> str:
    """The rows as a CSV table with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(rows)
    return buffer.getvalue()


def parse(table: str) -> list[Row]:
    """The rows of a table that `text` wrote."""
    _, *rows = csv.reader(io.StringIO(table))
    return [Row(*row) for row in rows]  # type: ignore[arg-type]  # it wrote splits


def identify(rows: Iterable[Row]) -> str:
    """The SHA-256 of the table: the name of the dataset version."""
    return hashlib.sha256(text(rows).encode()).hexdigest()
