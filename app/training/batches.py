"""Feeds images to Keras from disk, the training images varied and in a new order each epoch."""

from __future__ import annotations

import math

import numpy as np

from app.classifiers.spec import Split, TrainingSpec
from app.inference.arrays import Floats, Integers, Pixels
from app.training.augmentation import vary
from app.training.runtime import keras
from app.training.samples import Images


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of (inputs, class indices) of one split; the last one may be smaller."""

    def __init__(self, images: Images, split: Split, spec: TrainingSpec, *, shuffle: bool, augment: bool) -> None:
        super().__init__()
        self._images, self._spec, self._augment = images, spec, augment
        self._rows = images.rows[split].copy()
        self._random = np.random.default_rng(spec.seed)
        self._shuffle = shuffle
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._spec.batch_size)

    def __getitem__(self, index: int) -> tuple[Pixels | Floats, Integers]:
        start = index * self._spec.batch_size
        rows = self._rows[start : start + self._spec.batch_size]
        inputs = self._images.squares[rows]
        if self._augment:
            inputs = np.stack([vary(square, self._spec, self._random) for square in inputs])
        return inputs, self._images.labels[rows]

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        if self._shuffle:
            self._random.shuffle(self._rows)
