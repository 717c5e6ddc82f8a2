"""The settings of one training run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.classifiers import ClassifierSpec
from app.classifiers.spec import SPLITS
from app.errors import InvalidInput
from app.training.data.provenance import images_sha256
from app.training.data.samples import Sample
from app.training.networks.backbones import check_size, find_weights, input_size, largest_batch


@dataclass(frozen=True)
class Plan:
    """A training run. Its backbone, mode, epochs and seed override those of `spec`.

    `weights` is "imagenet", "none" or a path. `size` is the side of the network's input in pixels; None means the
    spec's or the backbone's own. `source` says where the images come from. `cache_dir` keeps what later runs can use
    again. `run_dir` keeps what this run needs to resume after it was killed: the same plan with the same `run_dir`
    continues after the last epoch. `job` is the id of the job that asked for the run. `test_set` says how often
    the test images were used, for the card.
    """

    spec: ClassifierSpec
    samples: tuple[Sample, ...]
    backbone: str
    mode: Literal["head", "full"]
    epochs: int
    seed: int
    source: str
    weights: str = "imagenet"
    weights_dir: Path | None = None
    size: int | None = None
    cache_dir: Path | None = None
    run_dir: Path | None = None
    demo: bool = False
    job: str | None = None
    test_set: dict[str, Any] | None = None

    @property
    def image_size(self) -> int:
        """The side of the network's input in pixels."""
        return self.size or input_size(self.backbone, self.spec, self.weights_dir)

    @property
    def checkpoints(self) -> Path | None:
        """The folder of this run's checkpoints.

        It depends on the images: a training image of another dataset may be a test image of this one.
        """
        return self.run_dir and self.run_dir / images_sha256(self.samples)

    def settled(self) -> ClassifierSpec:
        """The spec with the settings of this run; InvalidInput when the backbone does not take images of its size."""
        check_size(self.backbone, self.image_size, self.weights_dir)
        largest = largest_batch(self.backbone, self.image_size, self.weights_dir)
        return self.spec.settled(
            self.image_size,
            backbone=self.backbone,
            mode=self.mode,
            epochs=self.epochs,
            seed=self.seed,
            batch_size=min(self.spec.training.batch_size, largest),
        )

    def weight_files(self) -> tuple[Path, ...]:
        """The files of pretrained weights, empty for random ones; InvalidInput when one is missing."""
        return find_weights(self.backbone, self.weights, self.weights_dir, self.mode)

    def check_classes(self) -> None:
        """InvalidInput when a class has no image in a split."""
        counts = Counter((sample.label, sample.split) for sample in self.samples)
        for name in self.spec.class_names:
            for split in SPLITS:
                if not counts[name, split]:
                    raise InvalidInput(
                        f"The class {name!r} of {self.spec.name} has no image in the {split} split; training needs one"
                        " of each class in train, val and test, from different patients: add images."
                    )
