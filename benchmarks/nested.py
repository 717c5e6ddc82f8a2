"""Nested cross-validation: settings are chosen in inner folds, and what was chosen is judged on the outer fold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.classifiers import ClassifierSpec
from app.inference.arrays import Floats, Integers
from app.training.heads.solver import Data, Fit, fit_head
from app.training.progress import silent


class Setting(NamedTuple):
    """What may be chosen: a backbone, the side of its squares, varied copies of each image, and the contrast."""

    backbone: str
    size: int
    varied: int = 0
    contrast: str = "none"
    float32: bool = False

    @property
    def title(self) -> str:
        """For a table."""
        parts = [self.backbone, f"{self.size} px", "float32" if self.float32 else "eight bits"]
        parts += [f"{self.varied} copies"] if self.varied else []
        parts += ["local average"] if self.contrast == "local_average" else []
        return ", ".join(parts)


class Candidate(NamedTuple):
    """A setting with its features of all images (n, d), those of their copies, and what its network takes."""

    setting: Setting
    milliseconds: float
    features: Floats
    copies: tuple[Floats, ...]


@dataclass(frozen=True)
class Case:
    """A classifier's images: class indices (n,), groups that are never parted, and where each image comes from."""

    spec: ClassifierSpec
    labels: Integers
    groups: list[str]
    sources: list[str]


class Outcome(NamedTuple):
    """Answers (n, classes) to images of outer folds: by what each fold chose, and by each candidate on its own."""

    chosen: Floats
    alone: list[Floats]
    choices: list[int]


def judge(case: Case, candidates: Sequence[Candidate], parts: Sequence[Integers]) -> Outcome:
    """For each part: choose and fit on all other images, then answer for the part."""
    shape = len(case.labels), len(case.spec.classes)
    outcome = Outcome(np.zeros(shape), [np.zeros(shape) for _ in candidates], [])
    for part in parts:
        rows = np.setdiff1d(np.arange(len(case.labels)), part)
        fits = [fit(case, each, rows) for each in candidates]
        for alone, each, found in zip(outcome.alone, candidates, fits, strict=True):
            alone[part] = found.head.probabilities(each.features[part])
        choice = choose(case, candidates, rows, fits)
        outcome.choices.append(choice)
        outcome.chosen[part] = outcome.alone[choice][part]
    return outcome


def fit(case: Case, candidate: Candidate, rows: Integers) -> Fit:
    """Fit a head to the images of `rows` as the product does; its inner folds give the answers that choose."""
    training = case.spec.training
    data = Data(
        candidate.features[rows],
        tuple(copies[rows] for copies in candidate.copies),
        case.labels[rows],
        [case.groups[row] for row in rows.tolist()],
        (np.arange(len(rows)), np.arange(0)),
    )
    return fit_head(data, whole=True, balance=training.balance == "weights", seed=training.seed, progress=silent)


def choose(case: Case, candidates: Sequence[Candidate], rows: Integers, fits: Sequence[Fit]) -> int:
    """The cheapest candidate that is within one standard error of the best (Breiman et al. 1984), by inner folds.

    The error is that of the paired difference over groups.
    """
    labels = case.labels[rows]
    groups = np.unique([case.groups[row] for row in rows.tolist()], return_inverse=True)[1]
    right = [(each.kept_out.argmax(axis=1) == labels).astype(float) for each in fits]
    best = max(right, key=lambda each: each.mean())
    for number in np.argsort([each.milliseconds for each in candidates], kind="stable").tolist():
        lost = best - right[number]
        error = math.sqrt(float((np.bincount(groups, lost - lost.mean()) ** 2).sum())) / len(lost)
        if lost.mean() <= error:
            return int(number)
    raise AssertionError  # the best is within its own error
