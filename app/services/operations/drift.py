"""Drift: the champion's latest answers beside what it saw in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.inference import drift
from app.store.db import db
from app.store.registry import Registry
from app.store.tables import Prediction

WINDOW: Final = 1000
NEEDED: Final = drift.WINDOWS[0]
NOVEL: Final = 0.05  # share of the kept-out training images beyond the threshold of novelty
ADVICE: Final = {
    "too_few": "There are too few answers to tell.",
    "no_reference": "The model's card says nothing of its training images to compare with; train it again to watch it.",
}


@dataclass(frozen=True)
class Measure:
    """What `known` training images looked like by one measure: `share` in each bin between `edges`.

    `value` reads the measure of an answer, None where it has none. `labels` name the bins of what is no number.
    """

    share: tuple[float, ...]
    edges: tuple[float, ...]
    known: int
    value: Callable[[Any], float | None]
    labels: tuple[str, ...] | None = None


class Drift:
    """Tells whether today's images differ from those of the training."""

    def __init__(self, catalog: Catalog, registry: Registry, run_cpu_bound: Callable[[Callable[[], Any]], Any]) -> None:
        self._catalog = catalog
        self._registry = registry
        self._run_cpu_bound = run_cpu_bound

    def report(self, classifier: str) -> dict[str, Any]:
        """Compare the champion's latest answers, each image once, with its reference, measure by measure.

        `images` is how many were compared, `limit` the index that chance alone may reach. `not_measured` names what an
        older card has no reference for.
        """
        self._catalog[classifier]
        version = self._registry.champion(classifier)
        known = measures_of(self._registry.card(classifier, version))
        rows = _latest(classifier, version)
        fields = ("confidence", "predicted_class", "novelty")
        answer: dict[str, Any] = {
            "classifier": classifier,
            "model_version": version,
            "predictions": len(rows),
            "images": 0,
            "needed": NEEDED,
            "measures": {},
            "not_measured": [name for name in fields if name not in known],
        }
        distinct = list({row.sha256: row for row in rows}.values())
        images = drift.window(len(distinct))
        if not images:
            return answer | {"verdict": "too_few", "advice": ADVICE["too_few"]}
        measures = self._run_cpu_bound(lambda: compare(known, distinct[:images]))
        if not measures:
            return answer | {"verdict": "no_reference", "advice": ADVICE["no_reference"]}
        return answer | {"images": images, "verdict": worst(measures), "measures": measures}


def compare(known: Mapping[str, Measure], rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Compare a window of answers with each measure that all of them have."""
    found = {name: [each.value(row) for row in rows] for name, each in known.items()}
    usable = {name: values for name, values in found.items() if None not in values}
    return {name: _figures(known[name], values, len(usable)) for name, values in usable.items()}


def worst(measures: Mapping[str, Mapping[str, Any]]) -> str:
    """The gravest of the measures' verdicts."""
    return max((str(each["verdict"]) for each in measures.values()), key=("stable", "watch", "drifted").index)


def measures_of(card: Card) -> dict[str, Measure]:
    """What a card says of its training images; an older one says less, and how many they were by its counts."""
    reference, counts = card.reference, card.data.counts
    learned, kept_out = (sum(counts.get(split, {}).values()) for split in ("train", "val"))
    found = {}
    for name, each in reference.histograms.items():
        known = reference.sizes.get(name, kept_out if name == "confidence" else learned)
        if known:
            found[name] = Measure(tuple(each["share"]), tuple(each["edges"]), known, _reader(name))
    if known := reference.sizes.get("confidence", kept_out):
        edges, labels = (0.0, 1.0, 2.0), ("its kind", "not its kind")
        found["novelty"] = Measure((1 - NOVEL, NOVEL), edges, known, _is_novel, labels)
    classes, known = _classes(card)
    if known:
        places = {name: index for index, name in enumerate(card.classes)}
        bins = tuple(float(each) for each in range(len(places) + 1))
        found["predicted_class"] = Measure(
            classes, bins, known, lambda row: places.get(row.predicted_class), card.classes
        )
    return found


def _classes(card: Card) -> tuple[tuple[float, ...], int]:
    """The shares of the classes among the answers to images not learned from, and how many those were.

    Cards from before that was kept have the answers to the test images.
    """
    if card.reference.classes:
        return tuple(card.reference.classes[name] for name in card.classes), card.reference.sizes["confidence"]
    matrix = card.metrics.get("confusion_matrix") or []
    answered = [sum(column) for column in zip(*matrix, strict=True)]
    total = sum(answered)
    return tuple(each / total for each in answered) if total else (), total


def _reader(name: str) -> Callable[[Any], float | None]:
    if name == "confidence":
        return lambda row: float(row.confidence)
    return lambda row: row.measures.get(name)


def _is_novel(row: Any) -> float:  # noqa: ANN401 - a row of some columns
    return float(row.decision == "out_of_distribution")


def _latest(classifier: str, version: int) -> Sequence[Any]:
    asked = (Prediction.sha256, Prediction.confidence, Prediction.measures, Prediction.predicted_class,
             Prediction.decision)  # fmt: skip
    query = select(*asked).where(Prediction.classifier == classifier, Prediction.model_version == version)
    rows: Sequence[Any] = db.session.execute(query.order_by(Prediction.created_at.desc()).limit(WINDOW)).all()
    return rows


def _figures(measure: Measure, values: Sequence[Any], measures: int) -> dict[str, Any]:
    counts = drift.count(values, measure.edges)
    index, most = drift.psi(measure.share, counts), drift.limit(measure.share, measure.known, len(values), measures)
    found = {
        "psi": round(index, 4),
        "limit": round(most, 4),
        "verdict": drift.verdict(index, most),
        "share": [each / len(values) for each in counts],
        "edges": list(measure.edges),
        "reference_share": list(measure.share),
    }
    return found if measure.labels is None else {**found, "labels": list(measure.labels)}
