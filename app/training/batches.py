"""Feeds images to Keras from disk, in a seeded order, and varies them as photographs vary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.classifiers.spec import Split, TrainingSpec
from app.inference.arrays import Pixels
from app.training.runtime import keras
from app.training.samples import Images

layers = keras.layers


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of (squares, class indices) of one split; with a `seed`, in a new order each epoch."""

    def __init__(self, images: Images, split: Split, batch: int, seed: int | None = None) -> None:
        super().__init__()
        self._images, self._batch = images, batch
        self._rows = images.rows[split].copy()
        self._random = None if seed is None else np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch)

    def __getitem__(self, index: int) -> tuple[Pixels, NDArray[np.int64]]:
        rows = self._rows[index * self._batch : (index + 1) * self._batch]
        return self._images.squares[rows], self._images.labels[rows]

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        if self._random is not None:
            self._random.shuffle(self._rows)


def augmentation(spec: TrainingSpec, size: int) -> Any:
    """The variations of the training images, uint8 in and out: flips as `spec` allows, turn, zoom, light."""
    flips = {(True, True): "horizontal_and_vertical", (True, False): "horizontal", (False, True): "vertical"}
    flip = flips.get((spec.flip_horizontal, spec.flip_vertical))
    image = keras.Input((size, size, 3), dtype="uint8")
    x = layers.RandomFlip(flip)(image) if flip else image
    x = layers.RandomRotation(0.03, fill_mode="constant")(x)
    x = layers.RandomZoom((-0.1, 0.1), fill_mode="constant")(x)
    x = layers.RandomBrightness(0.1)(x)
    x = layers.RandomContrast(0.15)(x)
    x = keras.ops.cast(keras.ops.clip(x, 0, 255), "uint8")
    return keras.Model(image, x, name="augmentation")
