"""Results as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

COLUMNS: Final = (
    "file", "predicted_class", "confidence", "decision", "prediction_set", "quality_score", "quality_reasons",
    "novelty_score", "in_distribution", "classifier", "model_version", "error", "notice",
)  # fmt: skip


def as_csv(rows: Iterable[dict[str, Any]], classes: Sequence[str]) -> Iterator[str]:
    """Yield a CSV table line by line: COLUMNS, then the probability of each class."""
    names = [*COLUMNS, *(f"probability_{name}" for name in classes)]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow(_flat(row))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    quality, novelty = row.get("quality", {}), row.get("novelty", {})
    flat = {
        **row,
        "file": _harmless(row["file"]),
        "prediction_set": " ".join(row.get("prediction_set", [])),
        "quality_score": quality.get("score"),
        "quality_reasons": "; ".join(quality.get("reasons", [])),
        "novelty_score": novelty.get("score"),
        "in_distribution": novelty.get("in_distribution"),
    }
    return flat | {f"probability_{name}": value for name, value in row.get("probabilities", {}).items()}


def _harmless(name: str) -> str:
    """Keep a spreadsheet from running a file name as a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
