from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import pytest
from arro3.io import read_parquet
from hypothesis import given
from hypothesis import strategies as st

from app.services.bulk.tabular import COLUMNS, as_csv, as_json, as_json_lines, as_parquet

R = TypeVar("R")
CLASSES = ("cat", "dog")
ANSWER = {
    "file": "cat.jpg",
    "error": None,
    "id": "a1",
    "prediction": "cat",
    "timestamp": "2026-01-02T03:04:05.678901+00:00",
    "duration_ms": 7.5,
    "explanation": "not a column",
    "classifier": "cat_dog",
    "model_version": 2,
    "predicted_class": "cat",
    "confidence": 0.75,
    "probabilities": {"cat": 0.75, "dog": 0.25},
    "prediction_set": ["cat", "dog"],
    "decision": "uncertain",
    "quality": {"score": 0.5, "gradable": False, "reasons": ["too dark", "blurred"]},
    "novelty": {"score": 1.5, "threshold": 9.0, "in_distribution": True},
    "notice": None,
    "referral_probability": 0.75,
    "grade": 1,
}


def table(*rows: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(as_csv(rows, CLASSES)).decode(), newline="")))


def test_an_answer_fills_every_column_and_a_failure_its_error() -> None:
    answered, failed = table(ANSWER, {"file": "bad.jpg", "error": "The file is empty."})
    assert list(answered) == [*COLUMNS, "probability_cat", "probability_dog"]
    assert answered == {
        "file": "cat.jpg",
        "id": "a1",
        "prediction": "cat",
        "timestamp": "2026-01-02T03:04:05.678901+00:00",
        "duration_ms": "7.5",
        "gradable": "False",
        "novelty_threshold": "9.0",
        "predicted_class": "cat",
        "confidence": "0.75",
        "decision": "uncertain",
        "prediction_set": "cat dog",
        "quality_score": "0.5",
        "quality_reasons": "too dark; blurred",
        "novelty_score": "1.5",
        "in_distribution": "True",
        "classifier": "cat_dog",
        "model_version": "2",
        "error": "",
        "notice": "",
        "referral_probability": "0.75",
        "grade": "1",
        "probability_cat": "0.75",
        "probability_dog": "0.25",
    }
    assert {name for name, value in failed.items() if value} == {"file", "error"}


def test_no_rows_are_a_table_with_its_head_only() -> None:
    assert table() == []
    assert b"".join(as_csv([], CLASSES)).startswith(b"file,id,")
    assert b"".join(as_json([], CLASSES)) == b"[]\n"
    assert read_parquet(io.BytesIO(b"".join(as_parquet([], CLASSES)))).read_all().num_rows == 0


def test_every_format_holds_every_field_of_an_answer() -> None:
    failed: dict[str, Any] = {"file": "bad.jpg", "error": "The file is empty."}
    rows = [ANSWER, failed]
    lines = b"".join(as_json_lines(rows, CLASSES)).splitlines()
    assert [orjson.loads(line) for line in lines] == orjson.loads(b"".join(as_json(rows, CLASSES))) == rows
    found = read_parquet(io.BytesIO(b"".join(as_parquet(rows, CLASSES)))).read_all()
    assert list(found.column_names) == [*COLUMNS, "probability_cat", "probability_dog"]
    first, second = ({name: found[name][row].as_py() for name in found.column_names} for row in (0, 1))
    assert (first["model_version"], first["gradable"], first["probability_dog"]) == (2, False, 0.25)
    assert first["timestamp"] == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert {name: value for name, value in second.items() if value is not None} == failed


@pytest.mark.parametrize(
    "head", ["=", "\n=", " =", "\xa0=", "\uff1d", "\u3000\uff0b", "\ufeff@", "\u200b-", "\t", "\x0b="]
)
def test_a_formula_behind_blanks_or_in_full_width_is_none(head: str) -> None:
    rows = table({"file": f"{head}cmd|' /C calc'!A0", "error": f"{head}x"}, ANSWER)
    assert all(rows[0][name].startswith("'") for name in ("file", "error"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_no_file_name_becomes_a_formula_or_breaks_the_table(name: str) -> None:
    rows = table({"file": name, "error": "x"}, ANSWER)
    assert len(rows) == 2
    assert rows[0]["file"][0] not in "=+-@\uff1d\uff0b\uff0d\uff20\t\r\n"
    assert rows[0]["file"].strip()[:1] not in ("=", "+", "-", "@")
    assert rows[0]["file"].removeprefix("'") == name.removeprefix("'")


def test_a_parquet_file_is_made_in_pieces_and_the_rows_are_read_outside_of_them() -> None:
    inside = False
    pieces = 0

    def rows() -> Iterator[dict[str, Any]]:
        for _ in range(2500):
            assert not inside
            yield ANSWER

    def run(work: Callable[[], R]) -> R:
        nonlocal inside, pieces
        inside, pieces = True, pieces + 1
        try:
            return work()
        finally:
            inside = False

    packed = b"".join(as_parquet(rows(), CLASSES, run=run))
    assert pieces == 4  # three groups of rows, and the file
    assert read_parquet(io.BytesIO(packed)).read_all().num_rows == 2500
