"""The challenger in the shadow: it is asked what the champion has answered, and nobody waits for it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Engine, Table, insert
from sqlalchemy.exc import SQLAlchemyError

from app.runners import Background
from app.services.serving.slot import Model
from app.store.db import db, now
from app.store.tables import ShadowAnswer

MAX_WAITING: Final = 4  # images in this process that the challenger has not answered yet

log = logging.getLogger(__name__)
_KEEP: Final = insert(cast("Table", ShadowAnswer.__table__))


@dataclass(frozen=True)
class ShadowRequest:
    """A request that the champion has answered and logged, in `champion_ms` of computing time."""

    data: bytes
    explain: bool
    prediction_id: str
    classifier: str
    champion_version: int
    champion_ms: float


class Shadow:
    """Asks challengers. At most MAX_WAITING images wait in a process; what comes beyond is dropped and counted."""

    def __init__(self, run_in_background: Background) -> None:
        self._run_in_background = run_in_background
        self._waiting = 0
        self._dropped: Counter[str] = Counter()

    def ask(self, challenger: Model, request: ShadowRequest) -> None:
        """Let the challenger answer in its own time and keep what it says; nothing of it can fail the request."""
        if self._waiting >= MAX_WAITING:
            self._dropped[request.classifier] += 1
            return
        self._waiting += 1
        engine = db.engine  # found by way of the request, which will be over

        def keep(answer: dict[str, Any]) -> None:
            self._waiting -= 1
            row = answer | {
                "prediction_id": request.prediction_id, "classifier": request.classifier, "created_at": now(),
                "champion_version": request.champion_version, "champion_ms": request.champion_ms,
                "challenger_version": challenger.version, "dropped": self._dropped.pop(request.classifier, 0),
            }  # fmt: skip
            _store(engine, row)

        self._run_in_background(lambda: _answer(challenger, request), keep, spare=True)


def _answer(challenger: Model, request: ShadowRequest) -> dict[str, Any]:
    began = time.thread_time()
    try:
        found = challenger.predictor.predict(request.data, explain=request.explain)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the challenger's fault: the champion answered
        return {"error": str(error)[:500]}
    return {
        "predicted_class": found.predicted_class,
        "confidence": found.confidence,
        "decision": found.decision,
        "challenger_ms": (time.thread_time() - began) * 1000,
    }


def _store(engine: Engine, row: dict[str, Any]) -> None:
    try:
        with engine.begin() as connection:
            connection.execute(_KEEP, row)
    except SQLAlchemyError as error:
        log.warning("An answer of %s's challenger could not be kept: %s", row["classifier"], error)
