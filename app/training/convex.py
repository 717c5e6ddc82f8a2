"""Fits a head on frozen features: a convex problem, solved by scikit-learn without any epochs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from app.inference.arrays import Floats, Integers
from app.training.graft import Head
from app.training.progress import Progress

GRID = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # inverse strengths of the penalty
USUAL = 1e-2  # where there are too few patients to choose
FOLDS = 4
TOLERANCE, ITERATIONS = 1e-3, 300
SMALLEST = 1e-6  # deviation of a feature that says something

History = list[dict[str, float]]


class Data(NamedTuple):
    """Features (n, d) of the training images, each with its class index and its patient.

    `copies` are further views of the same images, each (n, d).
    """

    features: Floats
    copies: tuple[Floats, ...]
    labels: Integers
    groups: Sequence[str]


def fit_head(data: Data, *, balance: bool, seed: int, progress: Progress) -> tuple[Head, History]:
    """A multinomial logistic regression on standardised features, the standardisation folded into the head.

    The penalty is the one of GRID whose answers for patients kept out of the fit have the lowest log loss, by
    cross-validation; they are tried from the strongest on, until the loss rises. The history tells of each: log loss
    and accuracy of the fits, and those on the patients kept out (val_).
    """
    views = np.stack([data.features, *data.copies], axis=1).astype(np.float32)
    mean, deviation = views.mean(axis=(0, 1)), views.std(axis=(0, 1))
    deviation[deviation < SMALLEST] = 1
    views -= mean
    views /= deviation
    counts = np.bincount(data.labels)
    weights = (len(data.labels) / (len(counts) * counts))[data.labels] if balance else np.ones(len(data.labels))
    problem = _Problem(views, data.labels, weights)
    history = _try(problem, data.groups, seed, progress)
    best = min(history, key=lambda each: each["val_loss"])["strength"] if history else USUAL
    kernel, bias = problem.fit(_regression(best), np.arange(len(data.labels)))
    progress("training", len(GRID) + 1, len(GRID) + 1)
    kernel = kernel / deviation[:, None]
    return Head(kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32)), history


@dataclass(frozen=True)
class _Problem:
    """Standardised `views` (n, views, d), class indices (n,) and `weights` (n,) of the images."""

    views: Floats
    labels: Integers
    weights: Floats

    def fit(self, regression: LogisticRegression, rows: Integers) -> tuple[Floats, Floats]:
        """Fit to the images of `rows`; return the kernel (d, classes) and the bias (classes,)."""
        number = self.views.shape[1]
        chosen = self.views[rows].reshape(-1, self.views.shape[2])
        weights = np.repeat(self.weights[rows] / number, number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a head that is nearly the best is good enough
            regression.fit(chosen, np.repeat(self.labels[rows], number), weights)
        kernel, bias = regression.coef_.T, regression.intercept_
        if kernel.shape[1] == 1:  # of two classes scikit-learn gives one
            kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
        return kernel, bias

    def judge(self, head: tuple[Floats, Floats], rows: Integers) -> Floats:
        """Sums over the images of `rows`, as they are: weighted log loss, weights, right answers, images."""
        probabilities = Head(*head).probabilities(self.views[rows, 0])
        labels, weights = self.labels[rows], self.weights[rows]
        losses = -np.log(np.maximum(probabilities[np.arange(len(rows)), labels], 1e-12))
        right = probabilities.argmax(axis=1) == labels
        return np.array([losses @ weights, weights.sum(), right.sum(), len(rows)])


def _try(problem: _Problem, groups: Sequence[str], seed: int, progress: Progress) -> History:
    """The figures of each penalty by cross-validation; nothing where there are too few patients."""
    folds = _folds(problem.labels, groups, seed)
    regressions = [_regression(GRID[0]) for _ in folds]
    history: History = []
    for strength in GRID if folds else ():
        started, sums = time.perf_counter(), np.zeros((2, 4))
        for regression, (rows, kept_out) in zip(regressions, folds, strict=True):
            progress("training", len(history), len(GRID) + 1)
            head = problem.fit(regression.set_params(C=strength), rows)
            sums += [problem.judge(head, rows), problem.judge(head, kept_out)]
        (loss, val_loss), (accuracy, val_accuracy) = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
        history.append(
            {
                "epoch": len(history) + 1.0,
                "loss": float(loss),
                "accuracy": float(accuracy),
                "val_loss": float(val_loss),
                "val_accuracy": float(val_accuracy),
                "strength": strength,
                "seconds": time.perf_counter() - started,
            }
        )
        progress("training", len(history), len(GRID) + 1, history[-1])
        if len(history) > 1 and history[-1]["val_loss"] > history[-2]["val_loss"]:
            break
    return history


def _folds(labels: Integers, groups: Sequence[str], seed: int) -> list[tuple[Integers, Integers]]:
    """Rows to fit and rows kept out, whole patients each; nothing where a class has too few patients."""
    patients = [len({groups[row] for row in np.flatnonzero(labels == label).tolist()}) for label in np.unique(labels)]
    if min(patients) < 2 * FOLDS:
        return []
    split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(split.split(labels, labels, groups))


def _regression(strength: float) -> LogisticRegression:
    """It goes on from where its last fit ended."""
    return LogisticRegression(C=strength, warm_start=True, tol=TOLERANCE, max_iter=ITERATIONS)
