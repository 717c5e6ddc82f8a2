"""Can this photograph be graded? Classical measures, judged by what the training images looked like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from app.inference.arrays import Pixels

_SIDE = 256  # larger squares are measured on a copy of this side
_BLACK = 12  # grey level up to which a pixel belongs to the black surround
_GRADABLE = 0.5  # score
_LIMIT = 1.2  # times the distance from the median to the 1st or 99th percentile
_STEEPNESS = 5.0  # of the score's fall around that limit
_MIN_SPREAD = 0.05  # ratio to the median below which a percentile is not trusted to be so near
_TINY = 1e-6

_REASONS = (  # measure, direction, reason
    ("sharpness", -1, "blurred"),
    ("sharpness", 1, "noisy"),
    ("brightness", -1, "too dark"),
    ("brightness", 1, "too bright"),
    ("contrast", -1, "low contrast"),
    ("field", -1, "field cut off"),
)


@dataclass(frozen=True)
class Quality:
    """`score` from 0 (hopeless) to 1; `gradable` from 0.5 up; below, `reasons` says why not."""

    score: float
    gradable: bool
    reasons: tuple[str, ...]


def measure(rgb: Pixels) -> dict[str, float]:
    """Measure a preprocessed square.

    `brightness` and `contrast`: mean and standard deviation of the grey levels outside the black surround.
    `sharpness`: standard deviation of the Laplacian there, over the contrast. `field`: share of the square
    that is not black.
    """
    if max(rgb.shape) > _SIDE:
        rgb = np.asarray(cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    field = np.asarray(cv2.threshold(grey, _BLACK, 255, cv2.THRESH_BINARY)[1], np.uint8)
    mean, deviation = cv2.meanStdDev(grey, mask=field)
    inside = cv2.erode(field, np.ones((5, 5), np.uint8), borderValue=255)  # the rim is sharp in every photograph
    _, edges = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S), mask=inside)
    contrast = float(deviation[0, 0])
    return {
        "sharpness": float(edges[0, 0]) / max(contrast, 1.0),
        "brightness": float(mean[0, 0]),
        "contrast": contrast,
        "field": cv2.countNonZero(field) / field.size,
    }


def assess(measures: Mapping[str, float], reference: Mapping[str, tuple[float, float, float]]) -> Quality:
    """Judge measures by the [1st, 50th, 99th] percentiles of the training images; others do not count."""
    scores = {
        reason: _score(measures[name], direction, reference[name])
        for name, direction, reason in _REASONS
        if name in reference and name in measures
    }
    score = min(scores.values(), default=1.0)
    reasons = tuple(reason for reason, value in scores.items() if value < _GRADABLE)
    return Quality(score, not reasons, reasons)


def _score(value: float, direction: int, percentiles: tuple[float, float, float]) -> float:
    """Fall from 1 through 0.5 to 0 as the value leaves the median in the given direction; ratios count."""
    low, median, high = (math.log(max(percentile, _TINY)) for percentile in percentiles)
    distance = direction * (math.log(max(value, _TINY)) - median)
    spread = max(high - median if direction > 0 else median - low, _MIN_SPREAD)
    return 1 / (1 + math.exp(min(_STEEPNESS * (distance / spread - _LIMIT), 50.0)))
