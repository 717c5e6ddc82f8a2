"""Results as files: CSV, JSON lines, Parquet. Each is written row by row, so the number of rows costs no memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final, Protocol
from unicodedata import normalize

import orjson

from app.runners import Run, run_here

if TYPE_CHECKING:
    from arro3.core import Array, RecordBatch

Row = dict[str, Any]


class Format(Protocol):
    """Yields the bytes of a file of rows; `similar` adds a column for the similar cases to a table.

    What computes for long is done by `run`; the rows are read outside of it.
    """

    def __call__(
        self, rows: Iterable[Row], classes: Sequence[str], /, similar: bool = False, run: Run = run_here
    ) -> Iterator[bytes]:
        """Write rows of a classifier with these classes."""


# The fields of a prediction and how a table holds them; the probability of each class comes after.
COLUMNS: Final = {
    "file": "string", "id": "string", "classifier": "string", "model_version": "int64", "predicted_class": "string",
    "prediction": "string", "confidence": "float64", "decision": "string", "prediction_set": "string",
    "quality_score": "float64", "gradable": "bool", "quality_reasons": "string", "novelty_score": "float64",
    "novelty_threshold": "float64", "in_distribution": "bool", "timestamp": "timestamp", "duration_ms": "float64",
    "error": "string", "notice": "string", "referral_probability": "float64", "grade": "int64",
}  # fmt: skip
GROUP_ROWS: Final = 1000
BLOCK_BYTES: Final = 65_536
LOOKED_AT: Final = 64  # characters
BLANKS: Final = "".join(map(chr, range(33))) + "\x7f\x85\u200b\u200c\u200d\u2060\ufeff\u2028\u2029"  # after NFKC


def as_csv(rows: Iterable[Row], classes: Sequence[str], similar: bool = False, run: Run = run_here) -> Iterator[bytes]:  # noqa: ARG001 - a line takes no time
    """Yield a CSV table line by line: COLUMNS, the probability of each class, and where asked for the similar cases."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _columns(classes, similar), extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in _flat(row).items()})
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def as_json_lines(rows: Iterable[Row], _: Sequence[str], similar: bool = False, run: Run = run_here) -> Iterator[bytes]:  # noqa: ARG001 - it is in the rows
    """Yield a JSON object for each row, on a line of its own."""
    return (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def as_json(rows: Iterable[Row], _: Sequence[str], similar: bool = False, run: Run = run_here) -> Iterator[bytes]:  # noqa: ARG001 - it is in the rows
    """Yield one JSON array."""
    parts = ((b"[" if number == 0 else b",") + orjson.dumps(row) for number, row in enumerate(rows))
    first = next(parts, b"[")
    return chain((first,), parts, (b"]\n",))


def as_parquet(
    rows: Iterable[Row], classes: Sequence[str], similar: bool = False, run: Run = run_here
) -> Iterator[bytes]:
    """Yield a Parquet file with the columns of the CSV, by way of files: its table of contents comes last."""
    with TemporaryFile() as groups, TemporaryFile() as file:
        table = _ParquetTable(_columns(classes, similar), groups)
        for group in _groups(iter(rows)):
            run(partial(table.add, group))
        run(partial(table.write, file))
        file.seek(0)
        while block := file.read(BLOCK_BYTES):
            yield block


FORMATS: Final[dict[str, Format]] = {
    "json": as_json, "jsonl": as_json_lines, "csv": as_csv, "parquet": as_parquet,
}  # fmt: skip


class _ParquetTable:
    """Rows that become a Parquet file in pieces: each group, its columns of their own types, waits in a file."""

    def __init__(self, columns: Mapping[str, str], groups: IO[bytes]) -> None:
        from arro3.core import DataType, Field, Schema  # noqa: PLC0415 - 13 MB

        self._columns = columns
        self._kinds = {
            "string": DataType.string(), "int64": DataType.int64(), "float64": DataType.float64(),
            "bool": DataType.bool(), "timestamp": DataType.timestamp("us", tz="UTC"),
        }  # fmt: skip
        self._schema = Schema([Field(name, self._kinds[kind], nullable=True) for name, kind in columns.items()])
        self._groups = groups
        self._sizes: list[int] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Convert a group of rows."""
        from arro3.core import RecordBatch  # noqa: PLC0415
        from arro3.io import write_ipc_stream  # noqa: PLC0415

        flat = [_flat(row) for row in rows]
        arrays = [self._array(kind, [row.get(name) for row in flat]) for name, kind in self._columns.items()]
        packed = io.BytesIO()
        write_ipc_stream(RecordBatch.from_arrays(arrays, schema=self._schema), packed, compression=None)
        self._sizes.append(self._groups.write(packed.getvalue()))

    def write(self, file: IO[bytes]) -> None:
        """Write the file, a group at a time."""
        from arro3.core import RecordBatchReader  # noqa: PLC0415
        from arro3.io import write_parquet  # noqa: PLC0415

        write_parquet(RecordBatchReader.from_batches(self._schema, self._batches()), file, compression="zstd(3)")

    def _batches(self) -> Iterator[RecordBatch]:
        from arro3.io import read_ipc_stream  # noqa: PLC0415

        self._groups.seek(0)
        for size in self._sizes:
            yield from read_ipc_stream(io.BytesIO(self._groups.read(size)))

    def _array(self, kind: str, values: list[Any]) -> Array:
        from arro3.core import Array  # noqa: PLC0415

        if kind != "timestamp":
            return Array(values, type=self._kinds[kind])
        moments = [value and _microseconds(value) for value in values]
        return Array(moments, type=self._kinds["int64"]).cast(self._kinds[kind])


def _columns(classes: Sequence[str], similar: bool) -> dict[str, str]:
    probabilities = {f"probability_{name}": "float64" for name in classes}
    return COLUMNS | probabilities | ({"similar": "string"} if similar else {})


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, GROUP_ROWS)):
        yield group


def _flat(row: Row) -> Row:
    quality, novelty = row.get("quality", {}), row.get("novelty", {})
    flat = {
        **row,
        "prediction_set": " ".join(row["prediction_set"]) if "prediction_set" in row else None,
        "quality_score": quality.get("score"),
        "gradable": quality.get("gradable"),
        "quality_reasons": "; ".join(quality["reasons"]) if "reasons" in quality else None,
        "novelty_score": novelty.get("score"),
        "novelty_threshold": novelty.get("threshold"),
        "in_distribution": novelty.get("in_distribution"),
        "similar": as_text(row.get("similar")),
    }
    return flat | {f"probability_{name}": value for name, value in row.get("probabilities", {}).items()}


def as_text(cases: Sequence[Row] | None) -> str | None:
    """Return similar cases as a cell of a table: the label and distance of each; None where there are none."""
    return "; ".join(f"{case['label']} {case['distance']:.3f}" for case in cases) if cases else None


def _microseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1_000_000)


def _harmless(value: Any) -> Any:  # noqa: ANN401 - a cell's value
    """Keep a spreadsheet from running a text as a formula, also one behind blanks or in full width."""
    if not isinstance(value, str):
        return value
    shown = normalize("NFKC", value[:LOOKED_AT]).lstrip(BLANKS)
    risky = shown.startswith(("=", "+", "-", "@")) or value[:1] in ("\t", "\r", "\n")
    return f"'{value}" if risky else value
