"""Reads tables of labels and of image quality."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from app.errors import InvalidInput, TooLarge

# Of all the tables of a call together; that of EyePACS has 35,126 rows and half a megabyte.
MAX_BYTES: Final = 16_000_000
MAX_ROWS: Final = 200_000
SHOWN: Final = 20  # columns that an error names

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class Table:
    """One column of a CSV file by the image's name, with its suffix or without, whatever its case.

    `rows` is how many lines were read for it.
    """

    def __init__(self, values: Mapping[str, str], rows: int) -> None:
        self._values = values
        self.rows = rows

    def get(self, name: str) -> str | None:
        """The value for an image's file name; None where the table has none."""
        plain = name.lower()
        return self._values.get(plain, self._values.get(str(PurePosixPath(plain).with_suffix(""))))


class Columns(NamedTuple):
    """The two columns to read of a table: of the images' names, which lack the `extension`, and of the values."""

    image: str
    value: str
    extension: str = ""


def read_table(name: str, data: bytes, columns: Columns, most: int = MAX_ROWS) -> Table:
    """Read a table.

    InvalidInput when it is no CSV file in UTF-8, or has not these columns; TooLarge above `most` rows.
    """
    values: dict[str, str] = {}
    rows = 0
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        places = _places((columns.image, columns.value), next(filter(None, reader), []), name)
        for rows, row in enumerate(reader, start=1):
            if rows > most:
                raise TooLarge(f"{name} is a table of too many rows; all tables of a call may have {MAX_ROWS} in all.")
            image, value = (row[place] if place < len(row) else "" for place in places)
            if image and value:
                values[(image.strip().rpartition("/")[2] + columns.extension).lower()] = value.strip()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{name} cannot be read as a CSV file in UTF-8: {error}.") from error
    return Table(values, rows)


def _places(wanted: Sequence[str], header: Sequence[str], name: str) -> Sequence[int]:
    """Return where the wanted columns are; InvalidInput when one that the classifier's file names is not there."""
    if missing := [column for column in wanted if column not in header]:
        more = f" and {len(header) - SHOWN} more" if len(header) > SHOWN else ""
        raise InvalidInput(
            f"{name} has no column {missing[0]!r}; its columns are: {', '.join(header[:SHOWN])[:1000]}{more}."
        )
    return [header.index(column) for column in wanted]
