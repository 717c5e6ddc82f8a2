"""Two models on the same test images: what differs, and how sure that is."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import binomtest

from app.classifiers.card import Card
from app.classifiers.spec import PromotionSpec, Screening
from app.inference.arrays import Floats, Pixels
from app.inference.calibration import referral, shift_prior
from app.inference.predictor import Predictor
from app.training.data.samples import Sample, read_square
from app.training.evaluation.metrics import NOBODY, answers, class_indices
from app.training.progress import Progress
from app.training.statistics.bootstrap import draws, percentiles
from app.training.statistics.paired import Difference, areas_under_roc, right_answers
from app.training.statistics.weighted import FIGURES, Indices, calibration_error

TIMED = 15  # images whose answers are timed, one by one
SIDES = ("not referred", "referred")


@dataclass(frozen=True)
class Contender:
    """A model's calibrated `probabilities` (n, classes) of the test images, and what an answer costs.

    `prior`: the class mix that the probabilities are for; None where that is not known.
    """

    classes: tuple[str, ...]
    probabilities: Floats
    milliseconds: float
    size: int
    prior: tuple[float, ...] | None = None

    def for_metric(self, metric: str) -> Floats:
        """The probabilities that a metric judges: balanced accuracy takes the classes as equally frequent.

        Where sick eyes are rare, honest probabilities rarely exceed one half, and the likeliest class says nothing of
        how well the model tells them.
        """
        if metric != "balanced_accuracy" or self.prior is None or min(self.prior) <= 0:
            return self.probabilities
        return shift_prior(self.probabilities, self.prior, [1 / len(self.prior)] * len(self.prior))

    def of_referral(self, referred: Sequence[int]) -> Contender:
        """The same of two classes: what is not referred, and what is."""
        prior = None if self.prior is None else _sides(np.array(self.prior), referred).tolist()
        return replace(self, classes=SIDES, probabilities=_sides(self.probabilities, referred), prior=prior)


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
        Contender(one.card.classes, found, took, one.size, _prior(one.card))
        for one, found, took in zip(both, probabilities, times, strict=True)
    )
    return first, second


def compare(
    challenger: Contender,
    champion: Contender,
    samples: Sequence[Sample],
    promotion: PromotionSpec,
    asked: Screening = NOBODY,
) -> dict[str, Any]:
    """The figures of a paired comparison, as plain JSON values.

    Of grades of which a screening refers some, the referral is compared, by SIDES; `of` says so.

    `difference` of the metric is the challenger's less the champion's, `interval` its 95 % interval by
    `app.training.statistics.paired`. `needed` is how many images like these, by class, would show in 8 of 10 cases that
    two equal models differ by less than the margin; None where these are enough. `counts` are these by class.
    `mcnemar` counts the images that one alone answers rightly, with the exact two-sided p of McNemar (1947).
    `calibration_rise` is by how much the calibration error grew, with its interval.
    """
    result: dict[str, Any] = {
        "metric": promotion.metric,
        "images": len(samples),
        "groups": len({each.group for each in samples}),
        "counts": dict(Counter(each.label for each in samples)),
        "same_classes": challenger.classes == champion.classes,
        "milliseconds": {"challenger": challenger.milliseconds, "champion": champion.milliseconds},
        "bytes": {"challenger": challenger.size, "champion": champion.size},
    }
    if not result["same_classes"]:
        return result
    labels = class_indices(samples, challenger.classes)
    if asked.ordered and asked.referred:
        result["of"] = "referral"
        labels = np.isin(labels, asked.referred).astype(np.int64)
        challenger, champion = challenger.of_referral(asked.referred), champion.of_referral(asked.referred)
    pair = challenger.probabilities, champion.probabilities
    groups = [each.group for each in samples]
    right = [np.asarray(found.argmax(axis=1) == labels) for found in pair]
    return {
        **result,
        **_difference(labels, (challenger, champion), groups, promotion, result["counts"]),
        **_calibration(labels, pair, groups),
        "mcnemar": _mcnemar(*right),
    }


def _sides(probabilities: Floats, referred: Sequence[int]) -> Floats:
    """The probabilities (..., 2) of no referral and of a referral."""
    found = referral(probabilities, referred)
    return np.stack([1 - found, found], axis=-1)


def paired_difference(
    labels: Indices, pair: tuple[Floats, Floats], groups: Sequence[str], metric: str
) -> Difference | None:
    """The difference of a metric, with its interval; None where it is undefined."""
    if metric == "auroc":
        return areas_under_roc(labels, pair, groups)
    new, old = (np.asarray(found.argmax(axis=1) == labels, float) for found in pair)
    return right_answers(labels, (new, old), groups, by_class=metric == "balanced_accuracy")


def _difference(
    labels: Indices,
    contenders: tuple[Contender, Contender],
    groups: Sequence[str],
    promotion: PromotionSpec,
    counts: dict[str, int],
) -> dict[str, Any]:
    """The metric of both, the difference, the interval of that, and how many images would tell."""
    once = np.ones((1, len(labels)))
    pair = contenders[0].for_metric(promotion.metric), contenders[1].for_metric(promotion.metric)
    new, old = (float(FIGURES[promotion.metric](labels, found, once)[0]) for found in pair)
    found = paired_difference(labels, pair, groups, promotion.metric)
    if found is None:
        return {"challenger": None, "champion": None, "difference": None, "interval": None, "needed": None}
    times = found.needed(promotion.margin) or 0.0
    return {
        "challenger": new,
        "champion": old,
        "difference": found.value,
        "interval": found.interval,
        "needed": {name: math.ceil(times * count) for name, count in counts.items()} if times > 1 else None,
    }


def _calibration(labels: Indices, pair: tuple[Floats, Floats], groups: Sequence[str]) -> dict[str, Any]:
    """The rise of the calibration error; its interval, a bootstrap's, has at least the width of the accuracy's."""
    once, figure = np.ones((1, len(labels))), {"ece": calibration_error}
    rise = float(np.subtract(*(calibration_error(labels, found, once)[0] for found in pair)))
    new, old = (draws(labels, found, groups, figure)["ece"] for found in pair)
    limits, accuracy = percentiles(new - old), paired_difference(labels, pair, groups, "accuracy")
    if limits is None or accuracy is None:
        return {"calibration_rise": rise, "calibration_rise_interval": None}
    below, above = (abs(end - accuracy.value) for end in accuracy.interval)
    return {
        "calibration_rise": rise,
        "calibration_rise_interval": [min(limits[0], rise - below), max(limits[1], rise + above)],
    }


def _mcnemar(new: np.ndarray[Any, Any], old: np.ndarray[Any, Any]) -> dict[str, float | int]:
    gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
    chance = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return {"gained": gained, "lost": lost, "p": chance}


def _prior(card: Card) -> tuple[float, ...] | None:
    return None if card.calibration is None else tuple(card.calibration.prior[name] for name in card.classes)


def _milliseconds(predictors: Sequence[Predictor], squares: Sequence[Pixels]) -> list[float]:
    """The median time of an answer to one square, the models taking turns so that a busy machine is fair to all."""
    taken: list[list[float]] = [[] for _ in predictors]
    for row in range(len(squares[0])):
        for times, predictor, own in zip(taken, predictors, squares, strict=True):
            start = time.perf_counter()
            predictor.probabilities(own[row : row + 1])
            times.append(1000 * (time.perf_counter() - start))
    return [float(np.median(times)) for times in taken]
