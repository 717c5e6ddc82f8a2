"""A new version beside the one that serves, on test images that neither has learned from."""

from __future__ import annotations

from typing import Any

from app.classifiers.spec import ClassifierSpec
from app.inference.predictor import Predictor
from app.services.datasets.test_set import state, unseen
from app.services.datasets.versions import DatasetVersions, Division
from app.store.registry import Registry
from app.training.data.drawn import SOURCE
from app.training.evaluation.comparison import compare, contest
from app.training.progress import Progress


class Trial:
    """Compares versions for the promotion gate."""

    def __init__(self, registry: Registry, versions: DatasetVersions) -> None:
        self._registry = registry
        self._versions = versions

    def figures(
        self, spec: ClassifierSpec, version: int, division: Division, progress: Progress
    ) -> dict[str, Any] | None:
        """Compare a version with the champion on the test images; None where no version serves.

        `left_out` counts the test images that either learned from, or from others of their patient; `training_known`
        is false where it is not recorded what the champion learned from. `missing` are the classes that no test image
        shows. `demonstration`: the champion learned from drawings, which these images are not.
        """
        champion = self._registry.alias(spec.name, "champion")
        if champion is None:
            return None
        cards = [self._registry.card(spec.name, number) for number in (version, champion)]
        learned = [self._versions.learned(spec.name, card.data.sha256) for card in cards]
        tests = [sample for sample in division.samples if sample.split == "test"]
        fair = unseen(tests, [row for rows in learned for row in rows or ()], division.groups)
        shown = {each.label for each in fair}
        facts = {
            "champion_version": champion,
            "images": len(fair),
            "left_out": len(tests) - len(fair),
            "test_set": state(spec.name, [each.sha256 for each in fair]),
            "training_known": learned[1] is not None,
            "missing": [name for name in spec.class_names if name not in shown],
            "demonstration": cards[1].demo and not cards[0].demo and any(each.source != SOURCE for each in tests),
        }
        if not fair or any(shown - set(card.classes) for card in cards):
            return {**facts, "same_classes": cards[0].classes == cards[1].classes}
        new, old = (Predictor(self._registry.folder(spec.name, number)) for number in (version, champion))
        return {**facts, **compare(*contest(new, old, fair, progress), fair, spec.promotion, spec.screening)}
