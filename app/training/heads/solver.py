"""Fits a head on frozen features, its penalty chosen by cross-validation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.inference.arrays import Floats, Integers
from app.training.folds import Fold, by_patient, fewest_patients
from app.training.heads.fitters import Fitter, new_fitter
from app.training.networks.heads import Head
from app.training.progress import History, Progress

GRID = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # inverse strengths of the penalty
FOLDS = 4
SOURCES = 10  # those with the most images are left out in turn
SMALLEST = 1e-6  # standard deviation below which a feature counts as constant


class Data(NamedTuple):
    """Features (n, d) of the images, each with its class index and its patient.

    `copies` are further views of the same images, each (n, d). `fold`: the rows for training and for validation.
    `sources` (n,): where each image comes from; empty where that is not known. `ordered`: the classes are grades.
    """

    features: Floats
    copies: tuple[Floats, ...]
    labels: Integers
    groups: Sequence[str]
    fold: Fold
    sources: Sequence[str] = ()
    ordered: bool = False


class Fit(NamedTuple):
    """A head, the figures of each penalty that was tried, and the answers out of fold to the chosen one.

    `kept_out` (n, classes): what a head answers to an image that was kept out of its fit, in the rows kept out by
    `folds`. `elsewhere` (n, classes): what one answers that was fitted to all other sources; nan where those lack a
    class, or there are none.
    """

    head: Head
    history: History
    folds: list[Fold]
    kept_out: Floats
    elsewhere: Floats


def fit_head(data: Data, *, whole: bool, balance: bool, seed: int, progress: Progress) -> Fit:
    """A multinomial logistic regression on standardised features, the standardisation folded into the head.

    Of grades it is one of proportional odds. The penalty is the one of GRID whose answers for patients kept out of the
    fit have the lowest log loss, by cross-validation; they are tried from the strongest on, until the loss rises. The
    history tells of each: log loss and accuracy of the fits, and those on the patients kept out (val_). The head is
    then fitted to the images for training and, if `whole`, to those for validation, too.
    """
    views = np.stack([data.features, *data.copies], axis=1).astype(np.float32)
    mean, deviation = views.mean(axis=(0, 1)), views.std(axis=(0, 1))
    deviation[deviation < SMALLEST] = 1
    views -= mean
    views /= deviation
    views, directions = _rotated(views)
    counts = np.bincount(data.labels)
    weights = (len(data.labels) / (len(counts) * counts))[data.labels] if balance else np.ones(len(data.labels))
    problem = _Problem(views, data.labels, weights, data.ordered)
    folds = _folds(data, seed)
    searched = len(GRID) * len(folds)
    total = searched + 1 + min(SOURCES, len(set(data.sources)))

    def report(fits: int, epoch: dict[str, float] | None = None) -> None:
        progress("training", fits, total, epoch)

    history, answers = _try(problem, folds, report)
    report(searched)
    best = int(np.argmin([each["val_loss"] for each in history]))
    strength = history[best]["strength"]
    head = problem.fit(problem.fitter(), strength, np.concatenate(data.fold[: 1 + whole]))
    report(searched + 1)
    elsewhere = _elsewhere(problem, data, strength, lambda fits: report(searched + 1 + fits))
    head = head.unstandardised(mean, deviation, directions)
    return Fit(head, history, folds, answers[best], elsewhere)


def _rotated(views: Floats) -> tuple[Floats, Floats | None]:
    """The same points (n, views, d) in as many dimensions as there are points, and the directions (d, fewer) of those.

    A ridge penalty does not see the difference, and the fits take a fraction of the time. None where that saves little.
    """
    n, number, d = views.shape
    if 2 * n * number > d:
        return views, None
    directions, triangle = np.linalg.qr(views.reshape(n * number, d).T)
    return np.ascontiguousarray(triangle.T).reshape(n, number, -1), directions


@dataclass(frozen=True)
class _Problem:
    """Standardised `views` (n, views, d), class indices (n,) and `weights` (n,) of the images."""

    views: Floats
    labels: Integers
    weights: Floats
    ordered: bool

    def fitter(self) -> Fitter:
        """A fitter that has not fitted anything yet."""
        return new_fitter(self.ordered)

    def fit(self, fitter: Fitter, strength: float, rows: Integers) -> Head:
        """Fit to the images of `rows`."""
        number = self.views.shape[1]
        chosen = self.views[rows].reshape(-1, self.views.shape[2])
        weights = np.repeat(self.weights[rows] / number, number)
        return fitter.fit(strength, chosen, np.repeat(self.labels[rows], number), weights)

    def judge(self, probabilities: Floats, rows: Integers) -> Floats:
        """Sums over the images of `rows`, as they are: weighted log loss, weights, right answers, images."""
        labels, weights = self.labels[rows], self.weights[rows]
        losses = -np.log(np.maximum(probabilities[np.arange(len(rows)), labels], 1e-12))
        right = probabilities.argmax(axis=1) == labels
        return np.array([losses @ weights, weights.sum(), right.sum(), len(rows)])


def _try(problem: _Problem, folds: list[Fold], report: Callable[..., None]) -> tuple[History, list[Floats]]:
    """The figures of each penalty, and the out-of-fold probabilities (n, classes), by cross-validation."""
    fitters = [problem.fitter() for _ in folds]
    history: History = []
    answers: list[Floats] = []
    fits = 0
    for strength in GRID:
        started, sums = time.perf_counter(), np.zeros((2, 4))
        answers.append(np.zeros((len(problem.labels), len(np.unique(problem.labels)))))
        for fitter, (rows, kept_out) in zip(fitters, folds, strict=True):
            report(fits)
            head = problem.fit(fitter, strength, rows)
            answers[-1][kept_out] = head.probabilities(problem.views[kept_out, 0])
            seen = head.probabilities(problem.views[rows, 0])
            fits += 1
            sums += [problem.judge(seen, rows), problem.judge(answers[-1][kept_out], kept_out)]
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
        report(fits, history[-1])
        if len(history) > 1 and history[-1]["val_loss"] > history[-2]["val_loss"]:
            break
    return history, answers


def _elsewhere(problem: _Problem, data: Data, strength: float, tell: Callable[[int], None]) -> Floats:
    """What a head answers (n, classes) to the images of each source after it was fitted to those of all others."""
    found = np.full((len(problem.labels), len(np.unique(problem.labels))), np.nan)
    of, groups = np.array(data.sources), np.array(data.groups)
    for fits, (source, _) in enumerate(Counter(data.sources).most_common(SOURCES), start=1):
        kept_out = np.flatnonzero(of == source)
        rows = np.flatnonzero((of != source) & ~np.isin(groups, groups[kept_out]))
        if len(np.unique(problem.labels[rows])) == found.shape[1]:
            head = problem.fit(problem.fitter(), strength, rows)
            found[kept_out] = head.probabilities(problem.views[kept_out, 0])
        tell(fits)
    return found


def _folds(data: Data, seed: int) -> list[Fold]:
    """Return the folds, by patient; the given split if a class has too few patients."""
    if fewest_patients(data.labels, data.groups) < 2 * FOLDS:
        return [data.fold]
    return by_patient(data.labels, data.groups, FOLDS, seed)
