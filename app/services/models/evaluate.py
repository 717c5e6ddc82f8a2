"""Measuring a model version on any folder of labelled images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from app.classifiers.catalog import Catalog
from app.inference.predictor import Predictor
from app.services.datasets import test_set
from app.services.datasets.versions import DatasetVersions
from app.store.registry import Registry
from app.store.transaction import transaction
from app.training.data.datasets import scan
from app.training.data.samples import Sample
from app.training.evaluation.metrics import evaluate
from app.training.progress import Progress


class Evaluation:
    """The use case of measuring a version on images that are not in a dataset."""

    def __init__(self, catalog: Catalog, registry: Registry, versions: DatasetVersions) -> None:
        self._catalog = catalog
        self._registry = registry
        self._versions = versions

    def evaluate(self, classifier: str, folder: Path, version: int | None, progress: Progress) -> dict[str, Any]:
        """Return the figures of a version, the champion by default, on the folder's images.

        Those that are in the dataset count as tested once more. `trained_on` counts those that it was trained on, None
        where its dataset version is not at hand; `unseen` holds the figures of the others where there are both.
        """
        number = version or self._registry.champion(classifier)
        rows = self._versions.learned(classifier, self._registry.card(classifier, number).data.sha256)
        known = None if rows is None else {row.sha256 for row in rows}
        found = scan(folder, self._catalog[classifier])
        samples = []
        for done, item in enumerate(found.items, start=1):
            sha256 = hashlib.sha256(item.path.read_bytes()).hexdigest()
            samples.append(Sample(item.path, sha256, item.label, item.split or "test", item.group))
            progress("reading images", done, len(found.items))
        with transaction():
            test_set.count(classifier, [sample.sha256 for sample in samples])
        predictor = Predictor(self._registry.folder(classifier, number))
        unseen = [sample for sample in samples if sample.sha256 not in (known or ())]
        return {
            "classifier": classifier,
            "model_version": number,
            "rejected": len(found.rejected),
            "trained_on": None if known is None else len(samples) - len(unseen),
            "unseen": evaluate(predictor, unseen, progress) if 0 < len(unseen) < len(samples) else None,
            **evaluate(predictor, samples, progress),
        }
