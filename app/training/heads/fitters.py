"""Fits heads to standardised features: a softmax for classes, proportional odds for grades."""

from __future__ import annotations

import warnings
from typing import Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from app.inference.arrays import Floats, Integers
from app.training.networks.heads import GradeHead, Head, SoftmaxHead

TOLERANCE, ITERATIONS = 1e-3, 300
GRADIENT = 1e-4
_TINY = 1e-12


class Fitter(Protocol):
    """Fits a head; each fit starts from the result of the last."""

    def fit(self, strength: float, points: Floats, labels: Integers, weights: Floats) -> Head:
        """Fit to points (n, d) of these class indices and weights (n,); `strength`: the inverse of the penalty's."""


class SoftmaxFitter:
    """Multinomial logistic regression, by scikit-learn."""

    def __init__(self) -> None:
        self._regression = LogisticRegression(warm_start=True, tol=TOLERANCE, max_iter=ITERATIONS)

    def fit(self, strength: float, points: Floats, labels: Integers, weights: Floats) -> Head:  # noqa: D102 - as in Fitter
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a head that is nearly the best is good enough
            self._regression.set_params(C=strength).fit(points, labels, weights)
        kernel, bias = self._regression.coef_.T, self._regression.intercept_
        if kernel.shape[1] == 1:  # of two classes scikit-learn gives one
            kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
        return SoftmaxHead(kernel, bias)


class GradeFitter:
    """Proportional odds with a ridge penalty on the direction, by L-BFGS; every grade must occur.

    The cuts are the first one and the logarithms of the distances between them, so that they rise.
    """

    def __init__(self) -> None:
        self._last: Floats | None = None

    def fit(self, strength: float, points: Floats, labels: Integers, weights: Floats) -> Head:  # noqa: D102 - as in Fitter
        depth = points.shape[1]
        start = _start(depth, labels, weights) if self._last is None else self._last
        found = minimize(
            lambda at: _loss(at, strength, points, labels, weights),
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": ITERATIONS, "gtol": GRADIENT * strength * float(weights.sum())},
        ).x
        self._last = found
        return GradeHead(found[:depth], _cuts(found[depth:]))


def new_fitter(ordered: bool) -> Fitter:
    """A fitter for classes, or for grades."""
    return GradeFitter() if ordered else SoftmaxFitter()


def _start(depth: int, labels: Integers, weights: Floats) -> Floats:
    """No direction, and the cuts that the shares of the grades give."""
    at_most = np.cumsum(np.bincount(labels, weights))[:-1] / weights.sum()
    cuts = np.log(at_most / (1 - at_most))
    return np.concatenate([np.zeros(depth), cuts[:1], np.log(np.maximum(np.diff(cuts), _TINY))])


def _cuts(raw: Floats) -> Floats:
    return np.asarray(np.cumsum(np.concatenate([raw[:1], np.exp(raw[1:])])))


def _loss(at: Floats, strength: float, points: Floats, labels: Integers, weights: Floats) -> tuple[float, Floats]:
    """The penalised negative log likelihood, as scikit-learn scales it, and its gradient."""
    depth = points.shape[1]
    direction, raw = at[:depth], at[depth:]
    cuts = _cuts(raw)
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    severity = points @ direction
    upper, lower = expit(ends[labels + 1] - severity), expit(ends[labels] - severity)
    likely = np.maximum(upper - lower, _TINY)
    share = strength * weights / likely
    by_upper, by_lower = share * upper * (1 - upper), share * lower * (1 - lower)
    value = -strength * float(weights @ np.log(likely)) + float(direction @ direction) / 2
    by_direction = points.T @ (by_upper - by_lower) + direction
    classes = len(cuts) + 1
    by_cut = np.bincount(labels, -by_upper, classes)[:-1] + np.bincount(labels, by_lower, classes)[1:]
    later = np.cumsum(by_cut[::-1])[::-1]  # a distance moves every cut after it
    return value, np.concatenate([by_direction, later[:1], later[1:] * np.exp(raw[1:])])
