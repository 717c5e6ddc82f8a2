"""The numbers behind the charts of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.services.datasets.revision import PerRevision
from app.services.datasets.versions import DatasetVersions
from app.services.operations.counts import count_by, recent
from app.services.serving.usage import usage
from app.store.db import db
from app.store.registry import Registry
from app.store.tables import Image, Prediction


class Charts:
    """The use case of the charts."""

    def __init__(self, catalog: Catalog, registry: Registry, versions: DatasetVersions) -> None:
        self._catalog = catalog
        self._registry = registry
        self._versions = versions
        self._datasets: PerRevision[dict[str, Any]] = PerRevision()

    def figures(self, classifier: str) -> dict[str, Any]:
        """Return the series behind the charts: the dataset, the champion's test figures and its training."""
        spec = self._catalog[classifier]
        version = self._registry.alias(classifier, "champion")
        card = None if version is None else self._registry.card(classifier, version)
        return {
            "classifier": classifier,
            "classes": list(spec.class_names),
            "dataset": self._datasets.get(spec, lambda: self._dataset(classifier)),
            "model": None if card is None else _figures(version, card),
            "predictions": {
                "by_class": usage(classifier, None)["by_class"],
                "confidence": _histogram(recent(Prediction.confidence, Prediction.classifier == classifier)),
            },
        }

    def _dataset(self, classifier: str) -> dict[str, Any]:
        images, divided = Image.classifier == classifier, self._versions.counts(classifier).counts
        return {
            "by_class": count_by(Image.label, images),
            "by_split": {split: sum(labels.values()) for split, labels in divided.items()},
            "widths": _histogram(db.session.scalars(select(Image.width).where(images)).all()),
        }


def _figures(version: int | None, card: Card) -> dict[str, Any]:
    return {"version": version, "demo": card.demo, "metrics": card.metrics, "history": card.history}


def _histogram(values: Sequence[float], bins: int = 10) -> dict[str, list[float]]:
    if not values:
        return {"edges": [], "counts": []}
    found, edges = np.histogram(values, bins=bins)
    return {"edges": [round(float(edge), 4) for edge in edges], "counts": [int(count) for count in found]}
