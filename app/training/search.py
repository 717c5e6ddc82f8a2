"""Tries backbones and heads within a time budget, by cross-validation on cached frozen features."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.classifiers import ClassifierSpec
from app.errors import InvalidInput
from app.training.data.samples import Sample
from app.training.heads.head import learn_head
from app.training.networks.backbones import find_all_weights, input_size
from app.training.progress import Progress


@dataclass(frozen=True)
class Trial:
    """A head that was tried: the inverse strength of its penalty, and its figures on patients kept out of the fit.

    `seconds` is what its backbone took, features included.
    """

    backbone: str
    strength: float
    val_loss: float
    val_accuracy: float
    seconds: float


def search(
    samples: Sequence[Sample],
    spec: ClassifierSpec,
    weights_dir: Path | None,
    cache: Path,
    seconds: float,
    progress: Progress,
) -> list[Trial]:
    """Every head that was tried, the lowest log loss first. The test images are not looked at for it.

    After `seconds` no other backbone is begun, but the first one is always tried. InvalidInput when there are no
    pretrained weights, or too few patients for a cross-validation.
    """
    trials: list[Trial] = []
    chosen, end = find_all_weights(weights_dir), time.monotonic() + seconds
    for number, (backbone, weights) in enumerate(chosen.items()):
        if trials and time.monotonic() > end:
            break
        trials += _try(backbone, weights, samples, spec, cache, _within(progress, number, len(chosen)))
    if not trials:
        raise InvalidInput(f"{spec.name} has too few patients of each class to search; add images, or train at once.")
    return sorted(trials, key=lambda trial: trial.val_loss)


def _within(progress: Progress, number: int, among: int) -> Progress:
    """Tells how far the search is, whatever the stages of a trial say, so that it can be stopped at any time."""

    def tell(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        del stage, done, total, epoch
        progress("searching", number, among)

    return tell


def _try(
    backbone: str, weights: Sequence[Path], samples: Sequence[Sample], spec: ClassifierSpec, cache: Path,
    progress: Progress,
) -> list[Trial]:  # fmt: skip
    """The heads on one backbone."""
    started, size = time.monotonic(), input_size(backbone, spec)
    settled = spec.model_copy(
        update={
            "training": spec.training.model_copy(update={"backbone": backbone, "mode": "head"}),
            "preprocessing": spec.preprocessing.model_copy(update={"size": size}),
        }
    )
    history = learn_head(samples, settled, weights, cache, progress).history
    took = time.monotonic() - started
    return [Trial(backbone, each["strength"], each["val_loss"], each["val_accuracy"], took) for each in history]
