"""Feeds images to Keras from disk, the training images varied and in a new order each epoch."""

from __future__ import annotations

import math

import numpy as np

from app.classifiers.spec import Split, TrainingSpec
from app.inference.arrays import Integers, Pixels
from app.training.data.augmentation import vary
from app.training.data.samples import Images
from app.training.networks.runtime import keras


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of (squares, class indices) of one split; the last one may be smaller.

    The order and the variation of an epoch depend on the seed and the number of the epoch alone, so that a resumed
    training sees what it would have seen. The first epoch is number `epoch`.
    """

    def __init__(self, images: Images, split: Split, spec: TrainingSpec, *, vary: bool, epoch: int = 0) -> None:
        super().__init__()
        self._images, self._spec, self._vary = images, spec, vary
        self._rows = images.rows[split]
        self._epoch = epoch
        self._arrange()

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._spec.batch_size)

    def __getitem__(self, index: int) -> tuple[Pixels, Integers]:
        start = index * self._spec.batch_size
        rows = self._order[start : start + self._spec.batch_size]
        if self._vary:
            random = np.random.default_rng((self._spec.seed, self._epoch, index))
            squares = self._images.squares.varied(rows, lambda frame: vary(frame, self._spec, random))
        else:
            squares = self._images.squares[rows]
        return squares, self._images.labels[rows]

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self._epoch += 1
        self._arrange()

    def _arrange(self) -> None:
        random = np.random.default_rng((self._spec.seed, self._epoch))
        self._order = random.permutation(self._rows) if self._vary else self._rows
