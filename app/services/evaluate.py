"""Measuring a model version on any folder of labelled images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from app.classifiers.catalog import Catalog
from app.store.registry import Registry
from app.training.progress import Progress


class Evaluate:
    """The evaluation use case."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        self._catalog = catalog
        self._registry = registry

    def folder(self, classifier: str, folder: Path, version: int | None, progress: Progress) -> dict[str, Any]:
        """Return the figures of a version, the champion by default, on the folder's images."""
        from app.inference.predictor import Predictor  # noqa: PLC0415 - only this command needs a model here
        from app.training.datasets import scan  # noqa: PLC0415
        from app.training.evaluation import evaluate  # noqa: PLC0415 - loads scikit-learn
        from app.training.samples import Sample  # noqa: PLC0415

        number = version or self._registry.champion(classifier)
        found = scan(folder, self._catalog[classifier])
        samples = []
        for done, item in enumerate(found.items, start=1):
            sha256 = hashlib.sha256(item.path.read_bytes()).hexdigest()
            samples.append(Sample(item.path, sha256, item.label, item.split or "test", item.group))
            progress("reading images", done, len(found.items))
        figures = evaluate(Predictor(self._registry.folder(classifier, number)), samples, progress)
        return {"classifier": classifier, "model_version": number, "rejected": len(found.rejected), **figures}
