"""Varies training images as photographs vary: before their contrast is normalised, and outside the exported network."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from app.classifiers.spec import TrainingSpec
from app.inference.arrays import Pixels

ZOOM = 0.1
SHIFT = 0.03  # of the side
GAMMA = 1.3
GAIN, TINT = 0.15, 0.07  # of the light, and of each colour
BLURRED, SIGMA = 0.3, (0.3, 1.2)  # how many, and how much in pixels


def vary(square: Pixels, spec: TrainingSpec, random: Generator) -> Pixels:
    """A copy of an image (size, size, 3): flipped and turned as `spec` allows, moved, relit and blurred a little."""
    if spec.flip_horizontal and random.integers(2):
        square = square[:, ::-1]
    if spec.flip_vertical and random.integers(2):
        square = square[::-1]
    relit = cv2.LUT(_moved(np.ascontiguousarray(square), spec.turn, random), _light(random))
    if random.random() < BLURRED:
        relit = cv2.GaussianBlur(relit, (0, 0), random.uniform(*SIGMA))
    return np.asarray(relit, np.uint8)


def _moved(square: Pixels, turn: float, random: Generator) -> Pixels:
    """Turned by up to `turn` degrees, zoomed and shifted; what comes in from outside is black."""
    size = square.shape[0]
    angle, zoom = random.uniform(-turn, turn), random.uniform(1 - ZOOM, 1 + ZOOM)
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, zoom)
    matrix[:, 2] += random.uniform(-SHIFT, SHIFT, 2) * size
    return np.asarray(cv2.warpAffine(square, matrix, (size, size)), np.uint8)


def _light(random: Generator) -> Pixels:
    """What each grey level of each colour becomes (1, 256, 3); black stays black."""
    power = GAMMA ** random.uniform(-1, 1)
    gains = random.uniform(1 - GAIN, 1 + GAIN) * random.uniform(1 - TINT, 1 + TINT, 3)
    levels = np.linspace(0, 1, 256)[None, :, None] ** power * gains
    return np.asarray(np.clip(levels * 255, 0, 255), np.uint8)
