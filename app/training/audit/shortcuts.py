"""Measures how well facts about the files alone predict the class: such facts are a shortcut for a model.

A photograph's size, frame and light say which camera, clinic or web site it comes from (Zech et al. 2018). A random
forest predicts the class from them alone, cross-validated by patient; guessing gives an area of 0.5. Photographs of one
patient share their camera, so the interval counts patients where their images resemble one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from app.inference.arrays import Floats, Integers
from app.training.audit.fingerprints import FACTS, FILE, FRAME, LIGHT, Fingerprints
from app.training.folds import by_patient, fewest_patients, out_of_fold
from app.training.statistics.areas import area_interval, effect, placements

FOLDS: Final = 5
TREES: Final = 100
SEED: Final = 7
STRONG: Final = 0.90  # area under the ROC curve, lower end of the interval
GROUPS: Final[Mapping[str, Sequence[str]]] = {"file": FILE, "frame": FRAME, "light": LIGHT, "all": FACTS}


@dataclass(frozen=True)
class Shortcut:
    """How well one kind of `facts` separates one class from the others: `auroc` with its 95 % interval."""

    label: str
    facts: str
    auroc: float
    low: float
    high: float

    @property
    def strong(self) -> bool:
        """Whether a model could rely on it."""
        return self.low >= STRONG


def measure(prints: Fingerprints, labels: Sequence[str], groups: Sequence[str]) -> list[Shortcut]:
    """Return a figure for each class and kind of facts; none where a class has fewer than FOLDS groups."""
    names, target = np.unique(labels, return_inverse=True)
    if len(names) < 2 or fewest_patients(target, groups) < FOLDS:  # noqa: PLR2004 - there must be two classes
        return []
    found, folds = [], by_patient(target, groups, FOLDS, SEED)
    forest = RandomForestClassifier(TREES, min_samples_leaf=5, class_weight="balanced", random_state=SEED)
    for facts, columns in GROUPS.items():
        scores = out_of_fold(forest, prints["facts"][:, [FACTS.index(name) for name in columns]], target, folds)
        # With two classes both have the same figure.
        for index, name in enumerate(names[:1] if len(names) == 2 else names):  # noqa: PLR2004 - with two classes one figure is enough
            found.append(_figure(str(name), facts, target == index, scores[:, index], groups))
    return found


def _figure(label: str, facts: str, side: Integers, scores: Floats, groups: Sequence[str]) -> Shortcut:
    """The area under the ROC curve, its interval with as many images as independent ones would tell the same."""
    area = float(roc_auc_score(side, scores))
    placed = placements(side.astype(np.int64), np.stack([1 - scores, scores], axis=1))[1]
    if placed is None:  # one side is empty
        return Shortcut(label, facts, round(area, 3), 0.0, 1.0)
    by = effect(placed, groups)
    low, high = area_interval(area, len(placed.inside) / by, len(placed.outside) / by)
    return Shortcut(label, facts, round(area, 3), round(low, 3), round(high, 3))
