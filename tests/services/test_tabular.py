from __future__ import annotations

import csv
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.services.tabular import COLUMNS, as_csv

CLASSES = ("cat", "dog")
ANSWER = {
    "file": "cat.jpg",
    "error": None,
    "id": "not a column",
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
}


def table(*rows: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(as_csv(rows, CLASSES)), newline="")))


def test_an_answer_fills_every_column_and_a_failure_its_error() -> None:
    answered, failed = table(ANSWER, {"file": "bad.jpg", "error": "The file is empty."})
    assert list(answered) == [*COLUMNS, "probability_cat", "probability_dog"]
    assert answered == {
        "file": "cat.jpg",
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
        "probability_cat": "0.75",
        "probability_dog": "0.25",
    }
    assert {name for name, value in failed.items() if value} == {"file", "error"}


def test_no_rows_are_a_table_with_its_head_only() -> None:
    assert table() == []
    assert "".join(as_csv([], CLASSES)).startswith("file,predicted_class")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_no_file_name_becomes_a_formula_or_breaks_the_table(name: str) -> None:
    rows = table({"file": name, "error": "x"}, ANSWER)
    assert len(rows) == 2
    assert rows[0]["file"][0] not in "=+-@\t\r"
    assert rows[0]["file"].removeprefix("'") == name.removeprefix("'")
