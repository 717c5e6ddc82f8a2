"""Measuring a model version on any folder of labelled images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from app.inference.predictor import Predictor
from app.services.wiring import Services
from app.training.datasets import scan
from app.training.evaluation import evaluate
from app.training.progress import Progress
from app.training.samples import Sample


def evaluate_folder(
    services: Services, classifier: str, folder: Path, version: int | None, progress: Progress
) -> dict[str, Any]:
    """Return the figures of a version, the champion by default, on the folder's images."""
    number = version or services.registry.champion(classifier)
    found = scan(folder, services.catalog[classifier])
    samples = []
    for done, item in enumerate(found.items, start=1):
        sha256 = hashlib.sha256(item.path.read_bytes()).hexdigest()
        samples.append(Sample(item.path, sha256, item.label, item.split or "test", item.group))
        progress("reading images", done, len(found.items))
    figures = evaluate(Predictor(services.registry.folder(classifier, number)), samples, progress)
    return {"classifier": classifier, "model_version": number, "rejected": len(found.rejected), **figures}
