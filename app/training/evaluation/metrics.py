"""How good a model is: figures on labelled images, each with its 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from app.classifiers.card import Thresholds
from app.classifiers.spec import ClassifierSpec, Screening
from app.errors import InvalidInput
from app.inference.arrays import Floats
from app.inference.calibration import referral, within
from app.inference.decision import Decision
from app.inference.image.quality import measure
from app.inference.predictor import Predictor
from app.training.data.provenance import images_sha256
from app.training.data.samples import Sample, read_frame, read_square
from app.training.evaluation.curves import CLASSES, class_curves, reliability
from app.training.evaluation.decisions import Judged, decided, decision_figures, prediction_set_figures, reached
from app.training.progress import Progress, silent
from app.training.statistics.intervals import agreement_interval, class_intervals, headline_intervals
from app.training.statistics.proportions import proportion
from app.training.statistics.weighted import CLASS_FIGURES, FIGURES, Indices, quadratic_kappa

BATCH = 32
MISTAKES = 20
SOURCES = 20
NOBODY = Screening()


def evaluate(predictor: Predictor, samples: Sequence[Sample], progress: Progress = silent) -> dict[str, Any]:
    """The figures of a served model on labelled images, by the path that serves; InvalidInput without images."""
    card = predictor.card
    probabilities, decisions = _decided(predictor, samples, progress)
    return whole_figures(probabilities, decisions, samples, card.spec, card.thresholds)


def whole_figures(
    probabilities: Floats,
    decisions: Sequence[Decision],
    samples: Sequence[Sample],
    spec: ClassifierSpec,
    thresholds: Thresholds,
) -> dict[str, Any]:
    """Those of `figures`, and `decisions`: those of the decisions that the images got."""
    judged = Judged(
        labels=class_indices(samples, spec.class_names),
        groups=np.array([each.group for each in samples]),
        sources=np.array([each.source for each in samples]),
        top=probabilities.argmax(axis=1),
        above=reached(probabilities, thresholds, spec),
        decisions=np.array(decisions),
    )
    return {
        **figures(probabilities, samples, spec.class_names, spec.screening, thresholds),
        "decisions": decision_figures(judged, spec),
    }


def _decided(predictor: Predictor, samples: Sequence[Sample], progress: Progress) -> tuple[Floats, list[Decision]]:
    """A model's calibrated probabilities (n, classes), and its decision on each image."""
    _check_some(samples)
    card, parts = predictor.card, list[Floats]()
    decisions: list[Decision] = []
    for start in range(0, len(samples), BATCH):
        frames = [read_frame(each.path, card.preprocessing) for each in samples[start : start + BATCH]]
        found, familiar = predictor.look(frames)
        gradable = np.array([predictor.grade(measure(each)).gradable for each in frames])
        parts.append(found)
        decisions += decided(found, familiar, gradable, card.thresholds, card.spec)
        progress("evaluating", start + len(frames), len(samples))
    return np.concatenate(parts), decisions


def answers(predictors: Sequence[Predictor], samples: Sequence[Sample], progress: Progress = silent) -> list[Floats]:
    """Each model's calibrated probabilities (n, classes) of the same images, each image read once."""
    _check_some(samples)
    wanted = {each.card.preprocessing.model_dump_json(): each.card.preprocessing for each in predictors}
    parts: list[list[Floats]] = [[] for _ in predictors]
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        squares = {key: np.stack([read_square(each.path, how) for each in batch]) for key, how in wanted.items()}
        for part, predictor in zip(parts, predictors, strict=True):
            part.append(predictor.probabilities(squares[predictor.card.preprocessing.model_dump_json()]))
        progress("evaluating", start + len(batch), len(samples))
    return [np.concatenate(part) for part in parts]


def figures(
    probabilities: Floats,
    samples: Sequence[Sample],
    classes: Sequence[str],
    asked: Screening = NOBODY,
    thresholds: Thresholds | None = None,
) -> dict[str, Any]:
    """All figures of calibrated probabilities (n, classes), as plain JSON values; None where one is undefined.

    `intervals` holds [low, high] of the headline figures: see `app.training.statistics.intervals`.
    AUROC and average precision are means over the classes, each against the rest. `asked` says which classes a
    screening refers, and whether they are grades, which have a quadratic weighted kappa, too.
    """
    labels = class_indices(samples, classes)
    groups = [each.group for each in samples]
    result = {
        "n": len(samples),
        "groups": len(set(groups)),
        "images_sha256": images_sha256(samples),
        **_headlines(labels, probabilities, groups, asked),
        "per_class": _per_class(labels, probabilities, groups, classes),
        "confusion_matrix": confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(len(classes))).tolist(),
        "classes": list(classes),
        "curves": {
            classes[index]: class_curves(labels, probabilities, index)
            for index in (asked.referred if len(asked.referred) == 1 else range(len(classes))[:CLASSES])
        },
        "reliability": reliability(labels, probabilities),
        "mistakes": _mistakes(labels, probabilities, samples, classes),
    }
    if thresholds is not None:
        inside = within(probabilities, thresholds.of(tuple(classes)), ordered=asked.ordered)
        result["prediction_set"] = prediction_set_figures(labels, inside, groups, classes)
    point = thresholds.operating_point if thresholds is not None else None
    if asked.referred and point is not None:
        sick = np.isin(labels, asked.referred)
        result["screening"] = screening(sick, referral(probabilities, asked.referred), groups, point)
    if any(each.source for each in samples):
        result["sources"] = _sources(labels, probabilities, samples, asked, point)
    return result


def _check_some(samples: Sequence[Sample]) -> None:
    if not samples:
        raise InvalidInput("There are no images to evaluate on; add test images first.")


def class_indices(samples: Sequence[Sample], classes: Sequence[str]) -> Indices:
    """The class of each sample; InvalidInput when the model does not know it."""
    index = {name: number for number, name in enumerate(classes)}
    if unknown := sorted({each.label for each in samples} - set(index)):
        raise InvalidInput(f"The model knows no class {unknown[0]!r}, only {', '.join(classes)}; train a new version.")
    return np.array([index[each.label] for each in samples], np.int64)


def screening(sick: NDArray[np.bool_], probability: Floats, groups: Sequence[str], threshold: float) -> dict[str, Any]:
    """Sensitivity and specificity of referring from `threshold` on, with their intervals."""
    referred, of = probability >= threshold, np.array(groups)
    found: dict[str, Any] = {"threshold": threshold, "referred": float(referred.mean())}
    for name, side, right in (("sensitivity", sick, referred), ("specificity", ~sick, ~referred)):
        found[name] = float(right[side].mean()) if side.any() else None
        found[f"{name}_interval"] = proportion(right[side], of[side].tolist())
        found[f"{name}_n"] = int(side.sum())
    return found


def _headlines(labels: Indices, probabilities: Floats, groups: Sequence[str], asked: Screening) -> dict[str, Any]:
    """The figures of FIGURES, of grades the quadratic weighted kappa, too, and their `intervals`."""
    once = np.ones((1, len(labels)))
    values = {name: float(figure(labels, probabilities, once)[0]) for name, figure in FIGURES.items()}
    classes = {name: figure(labels, probabilities, once)[0] for name, figure in CLASS_FIGURES.items()}
    limits = headline_intervals(labels, probabilities, groups, values, classes)
    if asked.ordered:
        values["quadratic_kappa"] = kappa = float(quadratic_kappa(labels, probabilities, once)[0])
        limits["quadratic_kappa"] = agreement_interval(labels, probabilities, groups, kappa)
    return {**{name: _value(value) for name, value in values.items()}, "intervals": limits}


def _per_class(
    labels: Indices, probabilities: Floats, groups: Sequence[str], classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Precision, recall, the figures of CLASS_FIGURES and the number of images of each class, with intervals."""
    once, of, answered = np.ones((1, len(labels))), np.array(groups), probabilities.argmax(axis=1)
    values = {name: figure(labels, probabilities, once)[0] for name, figure in CLASS_FIGURES.items()}
    limits = class_intervals(labels, probabilities, groups, values)
    found: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(classes):
        named, true = answered == index, labels == index
        row: dict[str, Any] = {"support": int(true.sum())}
        for figure, chosen, hits in (("precision", named, true), ("recall", true, named)):
            row[figure] = float(hits[chosen].mean()) if chosen.any() else 0.0
            row[f"{figure}_interval"] = proportion(hits[chosen], of[chosen].tolist())
        for figure in CLASS_FIGURES:
            row[figure] = _value(values[figure][index])
            row[f"{figure}_interval"] = limits[figure][index]
        found[name] = row | {"f1": row["f1"] or 0.0}
    return found


def _mistakes(
    labels: Indices, probabilities: Floats, samples: Sequence[Sample], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """The wrong answers of which the model was surest."""
    answered, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(answered != labels)
    return [
        {
            "sha256": samples[row].sha256,
            "label": samples[row].label,
            "predicted": classes[answered[row]],
            "confidence": float(confidence[row]),
            "source": samples[row].source,
        }
        for row in wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    ]


def _sources(
    labels: Indices, probabilities: Floats, samples: Sequence[Sample], asked: Screening, point: float | None
) -> dict[str, dict[str, Any]]:
    """The headline figures of the images of each source, of those with the most images."""
    names, found = np.array([each.source for each in samples]), {}
    for name, count in Counter(names.tolist()).most_common(SOURCES):
        rows = np.flatnonzero(names == name)
        groups = [samples[row].group for row in rows.tolist()]
        found[name] = {"n": count, **_headlines(labels[rows], probabilities[rows], groups, asked)}
        if asked.referred and point is not None:
            sick = np.isin(labels[rows], asked.referred)
            found[name]["screening"] = screening(sick, referral(probabilities[rows], asked.referred), groups, point)
    return found


def _value(figure: float) -> float | None:
    return None if np.isnan(figure) else float(figure)
