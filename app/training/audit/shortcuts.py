"""How well can the class be told from facts about the files alone? What tells it so is a shortcut for a model.

A photograph's size, frame and light say which camera, clinic or web site it comes from (Zech et al. 2018). A random
forest predicts the class from them alone, cross-validated by patient; guessing gives an area of 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from app.inference.arrays import Floats, Integers
from app.training.audit.looks import FACTS, FILE, FRAME, LIGHT, Looks

FOLDS: Final = 5
TREES: Final = 100
SEED: Final = 7
STRONG: Final = 0.90  # area under the ROC curve, lower end of the interval
GROUPS: Final[Mapping[str, Sequence[str]]] = {"file": FILE, "frame": FRAME, "light": LIGHT, "all": FACTS}


@dataclass(frozen=True)
class Shortcut:
    """How well one kind of `facts` tells one class from the others: `auroc` with its 95 % interval."""

    label: str
    facts: str
    auroc: float
    low: float
    high: float

    @property
    def strong(self) -> bool:
        """Whether a model could live on it."""
        return self.low >= STRONG


def measure(looks: Looks, labels: Sequence[str], groups: Sequence[str]) -> list[Shortcut]:
    """Return a figure for each class and kind of facts; none where a class has fewer than FOLDS groups."""
    names, target = np.unique(labels, return_inverse=True)
    _, group = np.unique(groups, return_inverse=True)
    per_class = [len(np.unique(group[target == index])) for index in range(len(names))]
    if len(names) < 2 or min(per_class) < FOLDS:  # noqa: PLR2004 - one class has nothing to be told from
        return []
    found = []
    for facts, columns in GROUPS.items():
        scores = _out_of_fold(looks["facts"][:, [FACTS.index(name) for name in columns]], target, group)
        # Of two classes the one is told from the other as well as the other from the one.
        for index, name in enumerate(names[:1] if len(names) == 2 else names):  # noqa: PLR2004 - of two classes one says it all
            found.append(_figure(str(name), facts, target == index, scores[:, index]))
    return found


def _out_of_fold(values: Floats, target: Integers, group: Integers) -> Floats:
    """Each image's class probabilities, from a forest that saw no image of its group."""
    forest = RandomForestClassifier(TREES, min_samples_leaf=5, class_weight="balanced", random_state=SEED)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    found = cross_val_predict(forest, values, target, groups=group, cv=folds, method="predict_proba")
    return np.asarray(found)


def _figure(label: str, facts: str, side: Integers, scores: Floats) -> Shortcut:
    """The area under the ROC curve, its interval after Hanley and McNeil (1982)."""
    area = float(roc_auc_score(side, scores))
    inside, outside = int(side.sum()), int((~side).sum())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (inside - 1) * (q1 - area**2) + (outside - 1) * (q2 - area**2)
    error = 1.96 * float(np.sqrt(max(variance, 0) / (inside * outside)))
    return Shortcut(label, facts, round(area, 3), round(max(0.0, area - error), 3), round(min(1.0, area + error), 3))
