"""Gradability: classical measures of image quality, compared with those of the training images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from app.inference.arrays import Floats, Pixels

_SIDE = 256  # larger squares are measured on a copy of this side
_BLACK = 12  # grey level up to which a pixel belongs to the black surround
_GRADABLE = 0.5  # score
_LIMIT = 1.4  # of the length of all distances, where the reference does not say what the training images' is
_STEEPNESS = 5.0  # of the score's fall around the limit
_MIN_SPREAD = 0.05  # ratio to the median below which a percentile is not trusted to be so near
_TINY = 1e-6
_THIN = 9  # pixels: dark lines and spots narrower than this are what `lines` measures
_RED = 1.15  # red over green, above which a pixel is red
_PERCENTILES = (1, 50, 99)  # of each measure
_LENGTHS = (3, 50, 97)  # of all distances together; above the last a photograph is ungradable
_BLOCKS = 5  # of the training images, in their order; each is judged by the others
_LOOSER = 1.5  # times that limit is that of photographs that no clinic took, which differ more
_SQUARE = np.ones((_THIN, _THIN), np.uint8)
_RIM = np.ones((5, 5), np.uint8)
_TOGETHER = "together"
NO_RETINA = "no retina found"

_REASONS = (  # measure, direction, reason
    ("sharpness", -1, "blurred"),
    ("sharpness", 1, "noisy"),
    ("brightness", -1, "too dark"),
    ("brightness", 1, "too bright"),
    ("lines", -1, "low contrast"),
    ("contrast", -1, "low contrast"),
    ("field", -1, "field cut off"),
    ("redness", -1, NO_RETINA),
    ("field", 1, NO_RETINA),
)


Reference = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Quality:
    """`score` from 0 (hopeless) to 1; `gradable` from 0.5 up; below, `reasons` names the main causes."""

    score: float
    gradable: bool
    reasons: tuple[str, ...]


def measure(rgb: Pixels) -> dict[str, float]:
    """Measure a square whose contrast is the photograph's own.

    `brightness` and `contrast`: mean and standard deviation of the grey levels outside the black surround.
    `sharpness`: standard deviation of the Laplacian there, over the contrast. `lines`: mean of the green levels' black
    top-hat, which leaves what is thin and darker than its surroundings, such as vessels (Meyer, 1979). `redness`: share
    of what is not black that is clearly more red than green. `field`: share of the square that is not black.
    """
    if max(rgb.shape) > _SIDE:
        rgb = np.asarray(cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    field = np.asarray(cv2.threshold(grey, _BLACK, 255, cv2.THRESH_BINARY)[1], np.uint8)
    inside = cv2.erode(field, _RIM, borderValue=255)  # the rim is sharp in every photograph
    lit, whole = cv2.countNonZero(field), cv2.countNonZero(inside)
    brightness, contrast = _mean_and_deviation(cv2.bitwise_and(grey, field), lit)
    edges = cv2.Laplacian(grey, cv2.CV_16S)
    _, steepness = _mean_and_deviation(cv2.bitwise_and(edges, edges, mask=inside), whole)
    red, green, _ = cv2.split(rgb)
    thin = cv2.morphologyEx(green, cv2.MORPH_BLACKHAT, _SQUARE)
    redder = cv2.subtract(red, cv2.convertScaleAbs(green, alpha=_RED))
    return {
        "sharpness": steepness / max(contrast, 1.0),
        "brightness": brightness,
        "contrast": contrast,
        "lines": cv2.sumElems(cv2.bitwise_and(thin, inside))[0] / max(whole, 1),
        "redness": cv2.countNonZero(cv2.bitwise_and(redder, field)) / max(lit, 1),
        "field": lit / field.size,
    }


def reference(measures: Mapping[str, Floats], expect_retina: bool) -> Reference:
    """Return the 1st, 50th and 99th percentile of the measures (n,) of training images, to compare others with.

    `together` are the 3rd, 50th and 97th of the length that `assess` judges. Each block of the images is judged by the
    percentiles of the others, as new photographs will be: images are not far from percentiles that they set.
    """
    found = _spread(measures)
    rows, lengths = np.arange(len(next(iter(measures.values())))), []
    for block in np.array_split(rows, min(_BLOCKS, len(rows))):
        others = np.setdiff1d(rows, block)
        known = _spread({name: values[others] for name, values in measures.items()}) if len(others) else found
        images = ({name: float(values[row]) for name, values in measures.items()} for row in block)
        lengths += [_length(_distances(each, known, expect_retina)) for each in images]
    return {**found, _TOGETHER: _percentiles(np.array(lengths), _LENGTHS)}


def _spread(measures: Mapping[str, Floats]) -> Reference:
    return {name: _percentiles(values, _PERCENTILES) for name, values in measures.items()}


def assess(measures: Mapping[str, float], reference: Reference, expect_retina: bool = False) -> Quality:
    """Judge measures by the `reference` of the training images; measures that it lacks do not count.

    A photograph that is a little dark and a little blurred is hard to grade, too: the distances from the medians, each
    in units of its percentile's, are taken together as a length. A missing retina counts where one is expected; where
    none is, the limit is looser: ordinary photographs differ more than a fundus camera's.
    """
    distances = _distances(measures, reference, expect_retina)
    limit = max(reference[_TOGETHER][2], 1.0) if _TOGETHER in reference else _LIMIT
    limit *= 1 if expect_retina else _LOOSER
    score = 1 / (1 + math.exp(min(_STEEPNESS * (_length(distances) - limit), 50.0)))
    if score >= _GRADABLE:
        return Quality(score, True, ())
    told = min(limit, max(distances.values()))
    return Quality(score, False, tuple(reason for reason, distance in distances.items() if distance >= told))


def _mean_and_deviation(masked: cv2.typing.MatLike, count: int) -> tuple[float, float]:
    """Mean and standard deviation of the `count` values that a mask left; in a fifth of OpenCV's time with a mask."""
    mean = cv2.sumElems(masked)[0] / max(count, 1)
    return mean, math.sqrt(max(0.0, cv2.norm(masked, cv2.NORM_L2SQR) / max(count, 1) - mean**2))


def _distances(measures: Mapping[str, float], reference: Reference, expect_retina: bool) -> dict[str, float]:
    """Return the largest distance for each reason."""
    found: dict[str, float] = {}
    for name, direction, reason in _REASONS:
        if name in reference and name in measures and (expect_retina or reason != NO_RETINA):
            distance = _distance(measures[name], direction, reference[name])
            found[reason] = max(distance, found.get(reason, 0.0))
    return found


def _length(distances: Mapping[str, float]) -> float:
    return math.hypot(*distances.values())


def _percentiles(values: Floats, ranks: tuple[int, int, int]) -> tuple[float, float, float]:
    low, median, high = np.percentile(values, ranks).tolist()
    return low, median, high


def _distance(value: float, direction: int, percentiles: tuple[float, float, float]) -> float:
    """How far the value lies from the median in that direction; 1 at the 1st or 99th percentile. Ratios count."""
    low, median, high = (math.log(max(percentile, _TINY)) for percentile in percentiles)
    spread = max(high - median if direction > 0 else median - low, _MIN_SPREAD)
    return max(0.0, direction * (math.log(max(value, _TINY)) - median) / spread)
