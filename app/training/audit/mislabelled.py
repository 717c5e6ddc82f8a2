"""Likely label errors by confident learning (Northcutt, Jiang and Chuang 2021, doi 10.1613/jair.1.12125)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.inference.arrays import Floats
from app.training.folds import by_patient, fewest_patients, out_of_fold

FOLDS: Final = 5
SEED: Final = 7
STRENGTH: Final = 5.0  # inverse regularisation, over the number of dimensions: small sets have fewer images than those


@dataclass(frozen=True)
class Doubt:
    """The image of a `row` is of the class `other`, with this out-of-fold `probability`, rather than of its label."""

    row: int
    other: str
    probability: float


@dataclass(frozen=True)
class Judgement:
    """The doubts, the strongest first, and how well the judge itself does: its out-of-fold balanced accuracy."""

    doubts: list[Doubt]
    balanced_accuracy: float


def judge(embeddings: Floats, labels: Sequence[str], groups: Sequence[str]) -> Judgement | None:
    """Find labels that a logistic regression on the embeddings (n, d) contradicts.

    None if a class has fewer than FOLDS groups.
    """
    names, target = np.unique(labels, return_inverse=True)
    if len(names) < 2 or fewest_patients(target, groups) < FOLDS:  # noqa: PLR2004 - one class has nothing to be confused with
        return None
    regression = LogisticRegression(C=STRENGTH / embeddings.shape[1], class_weight="balanced", max_iter=300)
    model = make_pipeline(StandardScaler(), regression)
    found = out_of_fold(model, embeddings, target, by_patient(target, groups, FOLDS, SEED))
    right = found.argmax(axis=1) == target
    balanced = float(np.mean([right[target == index].mean() for index in range(len(names))]))
    # A class's threshold is the mean confidence of its own images: more than that is confident.
    thresholds = np.array([found[target == index, index].mean() for index in range(len(names))])
    confident = np.where(found >= thresholds, found, -1.0)
    best = confident.argmax(axis=1)
    denied = (confident.max(axis=1) >= 0) & (best != target)
    doubts = [Doubt(int(row), str(names[best[row]]), round(float(found[row, best[row]]), 3))
              for row in np.flatnonzero(denied)]  # fmt: skip
    margin = {doubt.row: found[doubt.row, target[doubt.row]] - doubt.probability for doubt in doubts}
    return Judgement(sorted(doubts, key=lambda doubt: float(margin[doubt.row])), round(balanced, 3))
