"""Two models on the same test images: what differs, and how sure that is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from app.inference.arrays import Floats, Pixels
from app.inference.predictor import Predictor
from app.training.data.samples import Sample, read_square
from app.training.evaluation.bootstrap import draws, percentiles
from app.training.evaluation.metrics import answers, class_indices
from app.training.evaluation.weighted import FIGURES, Indices
from app.training.progress import Progress

TIMED = 15  # images whose answers are timed, one by one


@dataclass(frozen=True)
class Contender:
    """A model's calibrated `probabilities` (n, classes) of the test images, and what an answer costs."""

    classes: tuple[str, ...]
    probabilities: Floats
    milliseconds: float
    size: int


def contest(
    challenger: Predictor, champion: Predictor, samples: Sequence[Sample], progress: Progress
) -> tuple[Contender, Contender]:
    """Let both answer the same images by the path that serves; the clock stops each on the same photographs."""
    both = challenger, champion
    probabilities = answers(both, samples, progress)
    timed = samples[:: max(1, len(samples) // TIMED)][:TIMED]
    squares = [np.stack([read_square(each.path, one.card.preprocessing) for each in timed]) for one in both]
    times = _milliseconds(both, squares)
    first, second = (
        Contender(one.card.classes, found, took, one.size)
        for one, found, took in zip(both, probabilities, times, strict=True)
    )
    return first, second


def compare(challenger: Contender, champion: Contender, samples: Sequence[Sample], metric: str) -> dict[str, Any]:
    """The figures of a paired comparison, as plain JSON values.

    `difference` of the metric is the challenger's less the champion's, `interval` its 95 % interval by a paired
    bootstrap over groups. `mcnemar` counts the images that one alone answers rightly, with the exact two-sided p of
    McNemar (1947). `calibration_rise` is by how much the calibration error grew, with its interval.
    """
    result: dict[str, Any] = {
        "metric": metric,
        "images": len(samples),
        "groups": len({each.group for each in samples}),
        "same_classes": challenger.classes == champion.classes,
        "milliseconds": {"challenger": challenger.milliseconds, "champion": champion.milliseconds},
        "bytes": {"challenger": challenger.size, "champion": champion.size},
    }
    if not result["same_classes"]:
        return result
    labels = class_indices(samples, challenger.classes)
    pair = challenger.probabilities, champion.probabilities
    groups = [each.group for each in samples]
    difference = _difference(labels, pair, groups, metric)
    calibration = _difference(labels, pair, groups, "ece")
    return {
        **result,
        **difference,
        "calibration_rise": calibration["difference"],
        "calibration_rise_interval": calibration["interval"],
        "mcnemar": _mcnemar(*(found.argmax(axis=1) == labels for found in pair)),
    }


def _difference(
    labels: Indices, pair: tuple[Floats, Floats], groups: Sequence[str], metric: str
) -> dict[str, float | list[float] | None]:
    """A figure of both, its difference, and the interval of that."""
    figure, once = {metric: FIGURES[metric]}, np.ones((1, len(labels)))
    new, old = (float(figure[metric](labels, found, once)[0]) for found in pair)
    drawn = [draws(labels, found, groups, figure)[metric] for found in pair]
    if np.isnan(new) or np.isnan(old):
        return {"challenger": None, "champion": None, "difference": None, "interval": None}
    interval = percentiles(drawn[0] - drawn[1])
    return {"challenger": new, "champion": old, "difference": new - old, "interval": interval}


def _mcnemar(new: np.ndarray[Any, Any], old: np.ndarray[Any, Any]) -> dict[str, float | int]:
    gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
    chance = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return {"gained": gained, "lost": lost, "p": chance}


def _milliseconds(predictors: Sequence[Predictor], squares: Sequence[Pixels]) -> list[float]:
    """The median time of an answer to one square, the models taking turns so that a busy machine is fair to all."""
    taken: list[list[float]] = [[] for _ in predictors]
    for row in range(len(squares[0])):
        for times, predictor, own in zip(taken, predictors, squares, strict=True):
            start = time.perf_counter()
            predictor.probabilities(own[row : row + 1])
            times.append(1000 * (time.perf_counter() - start))
    return [float(np.median(times)) for times in taken]
