"""How good a model is: figures on labelled images, each headline with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

from app.errors import InvalidInput
from app.inference.arrays import Floats
from app.inference.predictor import Predictor
from app.training.bootstrap import intervals
from app.training.progress import Progress, silent
from app.training.provenance import images_sha256
from app.training.samples import Sample, read_square

BATCH = 32
BINS = 15
Indices = NDArray[np.int64]


def evaluate(predictor: Predictor, samples: Sequence[Sample], progress: Progress = silent) -> dict[str, Any]:
    """The figures of a served model on labelled images, by the path that serves; InvalidInput without images."""
    if not samples:
        raise InvalidInput("There are no images to evaluate on; add test images first.")
    card, parts = predictor.card, []
    for start in range(0, len(samples), BATCH):
        squares = [read_square(each.path, card.preprocessing) for each in samples[start : start + BATCH]]
        parts.append(predictor.probabilities(np.stack(squares)))
        progress("evaluating", min(start + BATCH, len(samples)), len(samples))
    positive = card.classes.index(card.spec.positive) if card.spec.positive else None
    return figures(np.concatenate(parts), samples, card.classes, positive, card.thresholds.operating_point)


def figures(
    probabilities: Floats,
    samples: Sequence[Sample],
    classes: Sequence[str],
    positive: int | None = None,
    operating_point: float | None = None,
) -> dict[str, Any]:
    """All figures of calibrated probabilities (n, classes), as plain JSON values; None where one is undefined.

    `intervals` holds [low, high] of the headline figures: Wilson's for proportions, else a bootstrap over groups.
    AUROC is the mean over the classes, each against the rest.
    """
    labels = np.array([classes.index(each.label) for each in samples])
    answers = probabilities.argmax(axis=1)
    per_class = _per_class(labels, answers, classes)
    known = [each for each in per_class.values() if each["support"]]
    result = {
        "n": len(samples),
        "images_sha256": images_sha256(samples),
        "accuracy": float((labels == answers).mean()),
        "balanced_accuracy": float(np.mean([each["recall"] for each in known])),
        "macro_f1": float(np.mean([each["f1"] for each in known])),
        "auroc": _auroc(labels, probabilities),
        "ece": calibration_error(labels, probabilities),
        "per_class": per_class,
        "confusion_matrix": confusion_matrix(labels, answers, labels=range(len(classes))).tolist(),
        "classes": list(classes),
    }
    result["intervals"] = {
        "accuracy": wilson(int((labels == answers).sum()), len(labels)),
        **intervals(labels, probabilities, [each.group for each in samples]),
    }
    if positive is not None and operating_point is not None:
        result["screening"] = _screening(labels == positive, probabilities[:, positive], operating_point)
    return result


def wilson(successes: int, n: int) -> list[float] | None:
    """Wilson's 95 % interval of a proportion (1927); None of nothing."""
    if n == 0:
        return None
    interval = binomtest(successes, n).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def calibration_error(labels: Indices, probabilities: Floats) -> float:
    """Expected calibration error of the top class over equal bins of confidence (Naeini et al. 2015)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence - right, BINS)
    return float(np.abs(gaps).sum() / len(labels))


def _per_class(labels: Indices, answers: Indices, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall (with Wilson's interval), F1 and number of images of each class."""
    columns = precision_recall_fscore_support(labels, answers, labels=range(len(classes)), zero_division=0)
    right = np.bincount(labels[labels == answers], minlength=len(classes))
    return {
        name: {
            "precision": float(precision),
            "recall": float(recall),
            "recall_interval": wilson(int(hits), int(support)),
            "f1": float(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support, hits in zip(classes, *columns, right, strict=True)
    }


def _auroc(labels: Indices, probabilities: Floats) -> float | None:
    """Mean area under the ROC curves of the classes that have images on both sides."""
    sides = [labels == index for index in range(probabilities.shape[1])]
    areas = [roc_auc_score(side, probabilities[:, i]) for i, side in enumerate(sides) if 0 < side.mean() < 1]
    return float(np.mean(areas)) if areas else None


def _screening(sick: NDArray[np.bool_], probability: Floats, threshold: float) -> dict[str, Any]:
    """Sensitivity and specificity at the operating point, with Wilson's intervals."""
    referred = probability >= threshold
    found, cleared = int((referred & sick).sum()), int((~referred & ~sick).sum())
    n_sick, n_well = int(sick.sum()), int((~sick).sum())
    return {
        "threshold": threshold,
        "sensitivity": found / n_sick if n_sick else None,
        "sensitivity_interval": wilson(found, n_sick),
        "specificity": cleared / n_well if n_well else None,
        "specificity_interval": wilson(cleared, n_well),
    }
