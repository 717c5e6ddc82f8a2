"""The calibration in a model card: what makes the probabilities true, and where the answers change."""

from __future__ import annotations

from collections.abc import Mapping

from app.classifiers.card import Card
from app.services.models.decisions import figure


def calibration(card: Card) -> dict[str, str | None]:
    """What is said of the probabilities and of every threshold; None where nothing is recorded."""
    point = card.operating_point
    facts: dict[str, str | None] = {
        "Temperature": f"{card.temperature:.3f}, fitted on images that were not learned from",
        **_scaling(card),
        "Prediction set": _sets(card),
        "Novelty": f"distance above {card.thresholds.novelty:.3f}: not the model's kind of image",
    }
    if card.thresholds.operating_point is not None:
        facts["Operating point"] = f"refers from a probability of {card.thresholds.operating_point:.3f}"
        facts["Chosen for"] = None
    if point is not None:
        wish = point.asked.sensitivity
        facts["Chosen for"] = (
            f"the best {point.asked.best or 'balanced'}"
            if wish is None
            else f"a sensitivity of {wish:.0%}"
            + ("" if point.assured else ", which so few validation images of the positive class cannot assure")
        )
        facts["Sensitivity on validation"] = figure(point.validation, "sensitivity")
        facts["Specificity on validation"] = figure(point.validation, "specificity")
    return facts


def _scaling(card: Card) -> dict[str, str | None]:
    """The class bias, and the class mixes that the probabilities are for; older bundles have none."""
    found = card.calibration
    if found is None:
        return {}
    clinic = found.prevalence
    return {
        "Class bias": _listed(found.bias, "+.3f"),
        "Calibration images": ", ".join(f"{name} {count}" for name, count in found.images.items()),
        "Probabilities are for": f"the clinic's class mix: {_listed(clinic, '.1%')}" if clinic
        else f"the calibration images' class mix: {_listed(found.prior, '.1%')}",
    }  # fmt: skip


def _sets(card: Card) -> str:
    found = card.calibration
    if found is None:
        return (
            f"classes of probability {card.thresholds.prediction_set:.3f} or more, for a coverage of"
            f" {card.spec.coverage:.0%} (split conformal)"
        )
    limits = dict(zip(card.classes, card.thresholds.of(card.classes), strict=True))
    kinds = {
        "split": "class-conditional split conformal",
        "cross": "class-conditional cross-conformal (Vovk 2015): fitted on the answers of a cross-validation, for a"
        " head that was then fitted to all these images",
    }
    always = [name for name, limit in limits.items() if limit == 0]
    few = f"; with so few images of it, every set holds {' and '.join(always)}" if always else ""
    return (
        f"classes from these probabilities on: {_listed(limits, '.3f')}, for a coverage of {card.spec.coverage:.0%} of"
        f" each class; {kinds[found.method]}{few}"
    )


def _listed(values: Mapping[str, float], how: str) -> str:
    return ", ".join(f"{name} {value:{how}}" for name, value in values.items())
