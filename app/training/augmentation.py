"""Varies training images as photographs vary; outside the network, so nothing of it is exported."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from app.classifiers.spec import TrainingSpec
from app.inference.arrays import Pixels

TURN = 15.0  # degrees
ZOOM = 0.1
SHIFT = 0.04  # of the side
BRIGHTNESS = 20.0  # grey levels
CONTRAST = 0.15


def vary(square: Pixels, spec: TrainingSpec, random: Generator) -> Pixels:
    """A copy of an image (size, size, 3): flipped as `spec` allows, turned, zoomed, shifted and relit a little."""
    if spec.flip_horizontal and random.integers(2):
        square = square[:, ::-1]
    if spec.flip_vertical and random.integers(2):
        square = square[::-1]
    size = square.shape[0]
    turn, zoom = random.uniform(-TURN, TURN), random.uniform(1 - ZOOM, 1 + ZOOM)
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), turn, zoom)
    matrix[:, 2] += random.uniform(-SHIFT, SHIFT, 2) * size
    moved = cv2.warpAffine(np.ascontiguousarray(square), matrix, (size, size))
    gain, offset = random.uniform(1 - CONTRAST, 1 + CONTRAST), random.uniform(-BRIGHTNESS, BRIGHTNESS)
    levels = np.clip((np.arange(256) - 128) * gain + 128 + offset, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(moved, levels), np.uint8)
