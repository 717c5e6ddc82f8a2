"""Labels kept in a CSV file beside the images."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.classifiers.spec import CsvLabels
from app.errors import InvalidInput


def read_table(folder: Path, spec: CsvLabels) -> Mapping[str, str]:
    """The label of each image by its file name in lower case; InvalidInput without the file or its columns."""
    path = folder / spec.file
    if not path.is_file():
        raise InvalidInput(f"{folder} has no file {spec.file}; put the table of labels there.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            _require({spec.image_column, spec.label_column}, reader.fieldnames or (), path)
            return {
                (row[spec.image_column] + spec.extension).lower(): row[spec.label_column]
                for row in reader
                if row[spec.image_column] and row[spec.label_column]
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error


def _require(wanted: set[str], columns: Sequence[str], path: Path) -> None:
    """InvalidInput when a column that the classifier's file names is not in the table."""
    if missing := sorted(wanted - set(columns)):
        raise InvalidInput(f"{path} has no column {missing[0]!r}; its columns are: {', '.join(columns)}.")
