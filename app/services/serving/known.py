"""Answers that the log holds already: the same image, asked of the same model version again."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from app.runners import Run
from app.store.db import db, now
from app.store.tables import Prediction

AT_ONCE: Final = 262_144  # bytes that are hashed in less time than a change of threads takes


class Known(NamedTuple):
    """What was answered: the answer as it was given, and the measures of the image."""

    body: dict[str, Any]
    measures: dict[str, float]


class KnownAnswers:
    """Finds them, unless it is switched off.

    Only what was answered since this process started counts: before, other code may have answered, or a restored backup
    may have put another bundle in the version's place.
    """

    def __init__(self, on: bool, run_blocking_io: Run) -> None:
        self.on = on
        self._run_blocking_io = run_blocking_io
        self._since = now()

    def name(self, data: bytes) -> str:
        """Return the SHA-256 of an image; a large one holds up nobody else."""
        if len(data) <= AT_ONCE:
            return hashlib.sha256(data).hexdigest()
        return self._run_blocking_io(lambda: hashlib.sha256(data).hexdigest())

    def find(self, sha256: str, classifier: str, version: int) -> Known | None:
        """Return the last answer of a version to an image, by an index of the log; None where it has none."""
        asked = (
            Prediction.sha256 == sha256,
            Prediction.classifier == classifier,
            Prediction.model_version == version,
            Prediction.created_at >= self._since,
        )
        query = select(Prediction.body, Prediction.measures).where(*asked)
        found = db.session.execute(query.order_by(Prediction.created_at.desc()).limit(1)).first()
        return None if found is None else Known(*found)
