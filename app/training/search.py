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
from app.training.networks.frozen import freeze
from app.training.progress import Progress


@dataclass(frozen=True)
class Trial:
    """A head that was tried: the inverse strength of its penalty, and its figures on held-out patients.

    `seconds` is what its backbone took, features included.
    """

    backbone: str
    strength: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Search:
    """A search over the backbones whose weights are in `weights_dir`; `cache` keeps their features."""

    samples: Sequence[Sample]
    spec: ClassifierSpec
    weights_dir: Path | None
    cache: Path

    def run(self, seconds: float, progress: Progress) -> list[Trial]:
        """Try heads on one backbone after the other; return every trial, the lowest log loss first.

        The test images are not used. After `seconds` no further backbone is started, but the first is always tried.
        InvalidInput when there are no pretrained weights, or too few patients for a cross-validation.
        """
        trials: list[Trial] = []
        chosen, end = find_all_weights(self.weights_dir), time.monotonic() + seconds
        for number, (backbone, weights) in enumerate(chosen.items()):
            if trials and time.monotonic() > end:
                break
            trials += self._try(backbone, weights, _within(progress, number, len(chosen)))
        if not trials:
            raise InvalidInput(
                f"{self.spec.name} has too few patients of each class to search; add images, or train at once."
            )
        return sorted(trials, key=lambda trial: trial.val_loss)

    def _try(self, backbone: str, weights: Sequence[Path], progress: Progress) -> list[Trial]:
        """The heads on one backbone."""
        started, size = time.monotonic(), input_size(backbone, self.spec, self.weights_dir)
        frozen = freeze(backbone, weights, size, self.cache)
        settled = self.spec.settled(size, backbone=backbone, mode="head")
        history = learn_head(self.samples, settled, frozen, progress).history
        took = time.monotonic() - started
        return [Trial(backbone, each["strength"], each["val_loss"], each["val_accuracy"], took) for each in history]


def _within(progress: Progress, number: int, backbones: int) -> Progress:
    """Report the images that were read for all backbones instead of the stages of a trial, most of whose time it is."""
    latest = 0, 1

    def tell(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        nonlocal latest
        del epoch
        if stage == "reading images":
            latest = number * total + done, backbones * total
        progress("searching", *latest)

    return tell
