"""How good a model is, in the few figures that everybody asks for first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.classifiers.card import Card
from app.training.statistics.proportions import mean_interval

FIGURES: Final = ("accuracy", "precision", "recall", "f1")
MEANS: Final = "mean of the classes"


def figures(version: int, card: Card) -> dict[str, Any]:
    """Return accuracy, precision, recall and F1 on the test images, with 95 % intervals, and of what they are.

    Precision, recall and F1 are those of the positive class, where a classifier of two classes has one, else means over
    the classes. What an older card does not hold is None.
    """
    metrics, positive = card.metrics, card.spec.positive or ""
    rows: Mapping[str, Mapping[str, Any]] = metrics.get("per_class", {})
    intervals: Mapping[str, Any] = metrics.get("intervals", {})
    found: dict[str, tuple[Any, Any]] = {"accuracy": (metrics.get("accuracy"), intervals.get("accuracy"))}
    if positive in rows and len(rows) == 2:  # noqa: PLR2004 - the positive class and the other
        found |= {name: (rows[positive].get(name), rows[positive].get(f"{name}_interval")) for name in FIGURES[1:]}
    else:
        positive = MEANS
        found |= {name: _mean([(row.get(name), row.get(f"{name}_interval")) for row in rows.values()])
                  for name in ("precision", "recall")}  # fmt: skip
        found["f1"] = (metrics.get("macro_f1"), intervals.get("macro_f1"))
    f1, limits = found["f1"]
    if f1 is not None and limits and limits[0] == limits[1]:  # a bootstrap of no mistakes knows of no uncertainty
        found["f1"] = (f1, _harmonic(found["precision"][1], found["recall"][1]))
    return {
        "model_version": version,
        **{name: value if value is None else round(value, 6) for name, (value, _) in found.items()},
        "intervals": {
            name: interval and [round(limit, 6) for limit in interval] for name, (_, interval) in found.items()
        },
        "test_images": metrics.get("n"),
        "of": positive,
    }


def _harmonic(precision: Sequence[float] | None, recall: Sequence[float] | None) -> list[float] | None:
    """Return the interval of F1 that those of precision and recall allow, which is a wide one."""
    if precision is None or recall is None:
        return None
    return [2 * p * r / (p + r) if p + r else 0.0 for p, r in zip(precision, recall, strict=True)]


def unknown() -> dict[str, Any]:
    """Return the figures of a classifier whose model does not answer."""
    return dict.fromkeys(("model_version", *FIGURES, "intervals", "test_images", "of"))


def _mean(rows: Sequence[tuple[float | None, Sequence[float] | None]]) -> tuple[float | None, list[float] | None]:
    """Return the mean of some shares and its interval from theirs; None where one is undefined."""
    shares = [share for share, _ in rows if share is not None]
    if not rows or len(shares) < len(rows):
        return None, None
    limits = [limit for _, limit in rows if limit is not None]
    return sum(shares) / len(rows), None if len(limits) < len(rows) else mean_interval(shares, limits, 1)
