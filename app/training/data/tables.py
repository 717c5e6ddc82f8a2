"""Reads tables of labels and of image quality."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from app.errors import InvalidInput

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class Table:
    """One column of a CSV file by the image's name, with its suffix or without, whatever its case."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """The value for an image's file name; None where the table has none."""
        plain = name.lower()
        return self._values.get(plain, self._values.get(str(PurePosixPath(plain).with_suffix(""))))


def read_table(name: str, data: bytes, image_column: str, value_column: str, extension: str = "") -> Table:
    """Read a table; InvalidInput when it is no CSV file in UTF-8, or has not these columns."""
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        _require((image_column, value_column), reader.fieldnames or (), name)
        rows = [(row[image_column], row[value_column]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{name} cannot be read as a CSV file in UTF-8: {error}.") from error
    return Table(
        {
            (PurePosixPath(image.strip()).name + extension).lower(): value.strip()
            for image, value in rows
            if image and value
        }
    )


def _require(wanted: Sequence[str], columns: Sequence[str], name: str) -> None:
    """InvalidInput when a column that the classifier's file names is not in the table."""
    if missing := [column for column in wanted if column not in columns]:
        raise InvalidInput(f"{name} has no column {missing[0]!r}; its columns are: {', '.join(columns)}.")
