"""Cross-validation in which all images of a patient are in the same fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from app.inference.arrays import Floats, Integers

Fold = tuple[Integers, Integers]
"""The rows to fit and the rows held out."""


def fewest_patients(labels: Integers, groups: Sequence[Any] | Integers) -> int:
    """Return the number of patients in the class that has the fewest; `labels` and `groups` are (n,)."""
    patients = np.unique(np.asarray(groups), return_inverse=True)[1]
    return min(len(np.unique(patients[labels == label])) for label in np.unique(labels))


def by_patient(labels: Integers, groups: Sequence[Any] | Integers, folds: int, seed: int) -> list[Fold]:
    """Return stratified folds (fit, held out); all images of a patient are in one of them."""
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(split.split(labels, labels, groups))


def out_of_fold(model: Any, values: Floats, labels: Integers, folds: Sequence[Fold]) -> Floats:  # noqa: ANN401 - scikit-learn has no types
    """Return the probabilities (n, classes) of each row, from a copy of `model` that was fitted without its fold."""
    return np.asarray(cross_val_predict(model, values, labels, cv=folds, method="predict_proba"))
