"""The log of predictions and people's corrections of it."""

from __future__ import annotations

from typing import Any, Final

from app.classifiers.catalog import Catalog
from app.classifiers.labels import known_label
from app.errors import NotFound
from app.services.serving import usage
from app.services.serving.search import Page, PredictionFilter, find
from app.store.db import db, now
from app.store.tables import Prediction
from app.store.transaction import transaction

LATER: Final = {"referral_probability": None, "grade": None}  # what answers from before do not hold


class History:
    """The prediction log's use cases."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, wanted: PredictionFilter, limit: int) -> Page:
        """Return the newest predictions of those wanted; NotFound where the classifier is not known."""
        if wanted.classifier is not None:
            self._catalog[wanted.classifier]
        return find(wanted, limit)

    def get(self, prediction_id: str) -> Prediction:
        """Return one prediction; NotFound when there is none."""
        found = db.session.get(Prediction, prediction_id)
        if found is None:
            raise NotFound(f"There is no prediction {prediction_id!r}; see /api/predictions.")
        return found

    def correct(self, prediction_id: str, label: str) -> Prediction:
        """Keep what a person says the image shows; the last word stands."""
        found = self.get(prediction_id)
        spec = self._catalog[found.classifier]
        known = known_label(spec, label)
        with transaction():
            usage.relabel(found.id, known, now())
        return found

    def withdraw(self, prediction_id: str) -> Prediction:
        """Forget what a person said of a prediction."""
        found = self.get(prediction_id)
        with transaction():
            usage.relabel(found.id, None, None)
        return found

    def count(self) -> None:
        """Count the predictions since the last time, so that figures of usage need not look at them again."""
        usage.close()


def as_answer(row: Prediction) -> dict[str, Any]:
    """Return a logged prediction as the interface gives it: the answer, the file, and the correction if any."""
    return {
        **LATER,
        **row.body,
        "filename": row.filename,
        "job_id": row.job_id,
        "sha256": row.sha256,
        "patient": row.patient,
        "eye": row.eye,
        "feedback": None
        if row.label is None
        else {"label": row.label, "at": row.labelled_at.isoformat() if row.labelled_at else None},
        "reviews": [
            {name: getattr(review, name) for name in ("reviewer", "verdict", "label", "note")}
            | {"at": review.at.isoformat()}
            for review in row.reviews
        ],
    }
