"""What people said images show: waiting until somebody confirms it and the image joins the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select

from app.classifiers.catalog import Catalog
from app.errors import Conflict
from app.services.datasets.intake import Intake, LabelledImage
from app.services.serving.log import History
from app.store.audit_log import record
from app.store.db import db
from app.store.files import Files
from app.store.tables import CORRECTION, Image, Prediction, RemovedImage


class Feedback:
    """The use cases of corrections that may become training images."""

    def __init__(self, catalog: Catalog, files: Files, intake: Intake, history: History) -> None:
        self._catalog = catalog
        self._files = files
        self._intake = intake
        self._history = history

    def waiting(self, classifier: str | None, limit: int) -> Sequence[Prediction]:
        """Return predictions with a person's label whose image is not in the dataset, the newest label first."""
        if classifier is not None:
            self._catalog[classifier]
        query = select(Prediction).where(*_waits(classifier)).order_by(Prediction.labelled_at.desc()).limit(limit)
        return db.session.scalars(query).all()

    def counts(self, classifier: str | None) -> dict[str, int]:
        """Return how many wait, by classifier."""
        query = select(Prediction.classifier, func.count()).where(*_waits(classifier)).group_by(Prediction.classifier)
        return {row[0]: row[1] for row in db.session.execute(query)}

    def accept(self, prediction_id: str) -> dict[str, Any]:
        """Add the image to its classifier's dataset with the label that the person gave.

        Conflict when nobody labelled it, or when the dataset has the image with another label.
        """
        found = self._history.get(prediction_id)
        if found.label is None:
            raise Conflict("Nobody has said what this image shows; send its feedback first.")
        spec, name = self._catalog[found.classifier], found.filename or f"{found.id}.jpg"
        image = LabelledImage(self._files.read(found.sha256), name, found.label, source=CORRECTION)
        added = self._intake.add(spec, image)
        if not added and _label(found) != found.label:
            raise Conflict(f"The dataset has this image as {_label(found)} already; withdraw the feedback.")
        record("feedback.accepted", spec.name, prediction=found.id, label=found.label)
        return {"classifier": spec.name, "label": found.label, "added": added}

    def withdraw(self, prediction_id: str) -> Prediction:
        """Forget what a person said of a prediction."""
        return self._history.withdraw(prediction_id)


def _waits(classifier: str | None) -> tuple[ColumnElement[bool], ...]:
    known = exists().where(and_(Image.classifier == Prediction.classifier, Image.sha256 == Prediction.sha256))
    removed = exists().where(
        and_(
            RemovedImage.classifier == Prediction.classifier,
            RemovedImage.sha256 == Prediction.sha256,
            RemovedImage.removed_at > Prediction.labelled_at,
        )
    )
    mine = () if classifier is None else (Prediction.classifier == classifier,)
    return Prediction.label.is_not(None), ~known, ~removed, *mine


def _label(found: Prediction) -> str | None:
    return db.session.scalar(
        select(Image.label).where(Image.classifier == found.classifier, Image.sha256 == found.sha256)
    )
