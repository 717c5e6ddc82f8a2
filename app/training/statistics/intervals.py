"""The 95 % intervals of the figures of `app.training.statistics.weighted`; none loses its width at 0 or at 1.

A bootstrap of figures without an error has no width. So it is used only for those that depend on the probabilities
themselves (calibration errors, which chance only raises, Brier score and log loss), and what it cannot see is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from app.inference.arrays import Floats
from app.training.statistics.areas import area_interval, effect, placements
from app.training.statistics.bootstrap import Interval, draws, percentiles, pivotal
from app.training.statistics.proportions import design_effect, mean_interval, proportion, wilson
from app.training.statistics.weighted import (
    FIGURES,
    GRADE_FIGURES,
    RAISED,
    Figure,
    Indices,
    calibration_error,
    class_errors,
    quadratic_kappa,
)

Values = Mapping[str, float]
ERRORS = {name: FIGURES[name] for name in ("classwise_ece", "brier", "log_loss")}  # of the probabilities themselves


def headline_intervals(
    labels: Indices, probabilities: Floats, groups: Sequence[str], values: Values, classes: Mapping[str, Floats]
) -> dict[str, Interval]:
    """Those of the headline figures, whose `values` are known, and so are the `classes`' own; None if undefined."""
    right = probabilities.argmax(axis=1) == labels
    each = _class_shares(labels, probabilities, groups, classes)
    errors = _errors(labels, probabilities, groups, ERRORS, values)
    return {
        **{name: limits for name, (limits,) in errors.items()},
        "accuracy": proportion(right, groups),
        "balanced_accuracy": _balanced(labels, right, groups),
        "macro_f1": _mean(classes["f1"], each["f1"], 2),  # a wrong answer counts in the F1 of two classes
        "auroc": _mean(classes["auroc"], each["auroc"], len(classes["auroc"])),
        "average_precision": _mean(classes["average_precision"], each["average_precision"], len(classes["auroc"])),
        "ece": _calibration(labels, probabilities, right, groups, values["ece"]),
    }


def agreement_interval(labels: Indices, probabilities: Floats, groups: Sequence[str], value: float) -> Interval:
    """That of the quadratic weighted kappa: the bootstrap's, and at least as far down as hidden wrong answers take it.

    To such an answer the true grade is the one that the model holds for the second likeliest.
    """
    limits = percentiles(draws(labels, probabilities, groups, GRADE_FIGURES)["quadratic_kappa"])
    accuracy = proportion(probabilities.argmax(axis=1) == labels, groups)
    if limits is None or accuracy is None:
        return None
    hidden = float((probabilities.argmax(axis=1) == labels).mean()) - accuracy[0]
    second = probabilities.argsort(axis=1)[:, -2].astype(np.int64)
    wrong = float(quadratic_kappa(second, probabilities, np.ones((1, len(labels))))[0])
    least = value if np.isnan(wrong) else value + hidden * (wrong - value)
    return [min(limits[0], least), max(limits[1], value)]


def class_intervals(
    labels: Indices, probabilities: Floats, groups: Sequence[str], values: Mapping[str, Floats]
) -> dict[str, list[Interval]]:
    """Those of each class's figures, whose `values` (classes,) are known."""
    shares = _class_shares(labels, probabilities, groups, values)
    return shares | _errors(labels, probabilities, groups, {"ece": class_errors}, values)


def _class_shares(
    labels: Indices, probabilities: Floats, groups: Sequence[str], values: Mapping[str, Floats]
) -> dict[str, list[Interval]]:
    """Those of each class's F1, area under the ROC curve and average precision, which need no bootstrap."""
    answered, of = probabilities.argmax(axis=1), np.array(groups)
    found: dict[str, list[Interval]] = {"f1": [], "auroc": [], "average_precision": []}
    for index, placed in enumerate(placements(labels, probabilities)):
        true, named = labels == index, answered == index
        found["f1"].append(_f1((true & named)[true | named], of[true | named].tolist()) if true.any() else None)
        area: Interval = None
        precision: Interval = None
        if placed is not None:
            by = effect(placed, groups)
            inside, outside = (len(part) / by for part in (placed.inside, placed.outside))
            area = area_interval(float(values["auroc"][index]), inside, outside)
            # With as many images as the class has (Boyd, Eng & Page, ECML PKDD 2013).
            precision = wilson(float(values["average_precision"][index]) * inside, inside)
        found["auroc"].append(area)
        found["average_precision"].append(precision)
    return found


def _balanced(labels: Indices, right: np.ndarray[tuple[int], np.dtype[np.bool_]], groups: Sequence[str]) -> Interval:
    """The mean of the recalls', each Wilson's, in as many images as independent ones tell the same."""
    strata = np.unique(labels, return_inverse=True)[1]
    n, hits = np.bincount(strata), np.bincount(strata, right)
    weights = 1.0 / n[strata]
    by = design_effect((right - (hits / n)[strata]) * weights, groups, weights)
    limits = [wilson(hit / by, count / by) or [0.0, 1.0] for hit, count in zip(hits, n, strict=True)]
    return mean_interval((hits / n).tolist(), limits, 1)


def _f1(both: np.ndarray[tuple[int], np.dtype[np.bool_]], groups: Sequence[str]) -> Interval:
    """F1 is 2J / (1 + J) of the share J of hits among the images that are of the class or taken for it."""
    limits = proportion(both, groups)
    return limits and [2 * each / (1 + each) for each in limits]


def _mean(values: Floats, limits: Sequence[Interval], shared: int) -> Interval:
    """That of the mean over the classes that have a value."""
    known = [(value, limit) for value, limit in zip(values.tolist(), limits, strict=True) if limit is not None]
    if not known:
        return None
    return mean_interval([value for value, _ in known], [limit for _, limit in known], min(shared, len(known)))


def _errors(
    labels: Indices,
    probabilities: Floats,
    groups: Sequence[str],
    figures: Mapping[str, Figure],
    values: Mapping[str, float] | Mapping[str, Floats],
) -> dict[str, list[Interval]]:
    """The bootstrap's, and at least as far up as the wrong answers that chance may have hidden would raise the figure.

    To such an answer the true class is the one that the model holds for the second likeliest.
    """
    right = probabilities.argmax(axis=1) == labels
    limits = proportion(right, groups)
    hidden = float(right.mean()) - limits[0] if limits else 1.0
    second, once = probabilities.argsort(axis=1)[:, -2].astype(np.int64), np.ones((1, len(labels)))
    found: dict[str, list[Interval]] = {}
    for name, drawn in draws(labels, probabilities, groups, figures).items():
        wrong = np.atleast_1d(figures[name](second, probabilities, once)[0])
        columns = zip(drawn.reshape(len(drawn), -1).T, np.atleast_1d(values[name]), wrong, strict=True)
        found[name] = [
            _reaching(pivotal(column, value) if name in RAISED else percentiles(column), value + hidden * (bad - value))
            for column, value, bad in columns
        ]
    return found


def _reaching(limits: Interval, least: float) -> Interval:
    return limits and [limits[0], max(limits[1], float(least))]


def _calibration(
    labels: Indices,
    probabilities: Floats,
    right: np.ndarray[tuple[int], np.dtype[np.bool_]],
    groups: Sequence[str],
    value: float,
) -> Interval:
    """The bootstrap's, and at least as far up as the confidence may be from the accuracy, for all that is known."""
    drawn = draws(labels, probabilities, groups, {"ece": calibration_error})["ece"]
    limits, accuracy = pivotal(drawn, value), proportion(right, groups)
    if limits is None or accuracy is None:
        return None
    confidence = float(probabilities.max(axis=1).mean())
    return [limits[0], max(limits[1], *(abs(confidence - end) for end in accuracy))]
