"""The figures of usage are those of the log, however it came about and however much of it was counted before."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import ON_BOTH
from sqlalchemy import insert, select

from app.services.operations import retention
from app.services.serving import usage
from app.services.serving.usage import close
from app.services.wiring import Services
from app.store.db import db, new_id, now
from app.store.tables import Counted, Prediction, PredictionHour

CLASSES = {"cat_dog": ("cat", "dog"), "glaucoma": ("glaucoma", "normal")}


def log(moments: list[datetime]) -> list[str]:
    rows: list[dict[str, Any]] = []
    for number, moment in enumerate(moments):
        classifier = ("cat_dog", "glaucoma")[number % 2]
        rows.append({
            "id": new_id(), "classifier": classifier, "model_version": 1, "sha256": f"{number:064x}",
            "predicted_class": CLASSES[classifier][number % 3 % 2], "confidence": 0.5, "decision": "accept",
            "measures": {}, "body": {}, "duration_ms": 1.0, "created_at": moment,
        })  # fmt: skip
    db.session.execute(insert(Prediction), rows)
    db.session.commit()
    return [row["id"] for row in rows]


def expected(classifier: str | None, hours: int | None) -> dict[str, Any]:
    """Count the log one by one."""
    since = None if hours is None else now() - timedelta(hours=hours)
    rows = [
        row
        for row in db.session.scalars(select(Prediction))
        if (classifier in (None, row.classifier)) and (since is None or row.created_at > since)
    ]
    labelled = [row for row in rows if row.label is not None]
    correct = sum(row.label == row.predicted_class for row in labelled)
    return {
        "predictions": len(rows),
        "last_hour": sum(row.created_at > now() - timedelta(hours=1) for row in rows),
        "by_classifier": Counter(row.classifier for row in rows),
        "by_class": Counter(row.predicted_class for row in rows),
        "by_decision": Counter(row.decision for row in rows),
        "by_day": Counter(str(row.created_at.date()) for row in rows),
        "feedback": {
            "labelled": len(labelled),
            "correct": correct,
            "accuracy": round(correct / len(labelled), 4) if labelled else None,
        },
    }


def check(services: Services) -> None:
    for classifier in (None, "cat_dog"):
        for hours in (None, 1, 5, 48):
            found = services.monitor.statistics(classifier, hours)
            assert {name: found[name] for name in expected(None, None)} == expected(classifier, hours)


@ON_BOTH
def test_the_figures_are_those_of_the_log(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "STEP", 20)  # several transactions
    ids = log([now() - timedelta(minutes=17 * number) for number in range(150)])
    services.history.correct(ids[140], "cat")
    check(services)
    close()
    counted = db.session.scalars(select(PredictionHour.predictions)).all()
    assert 145 <= sum(counted) < 150  # but for the last ten minutes
    check(services)
    for number in (0, 50, 52, 52, 140):
        services.history.correct(ids[number], "dog")
    services.feedback.withdraw(ids[50])
    check(services)
    log([now()] * 3)
    check(services)
    retention.delete_rows(Prediction, Prediction.created_at < now() - timedelta(hours=20))
    check(services)
    close()
    check(services)
    retention.delete_rows(Prediction, Prediction.id.is_not(None))
    check(services)
    assert db.session.scalars(select(PredictionHour)).all() == []


def test_what_is_counted_moves_on_and_nothing_counts_twice(services: Services) -> None:
    log([now() - timedelta(hours=1)] * 5)
    for _ in range(2):
        close()
        assert services.monitor.statistics()["predictions"] == 5
    assert now() - db.session.scalars(select(Counted.until)).one() < timedelta(minutes=11)
