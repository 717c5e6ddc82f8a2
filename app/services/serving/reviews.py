"""What reviewers say of answers, and how far two of them agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from sqlalchemy import delete, select

from app.classifiers.catalog import Catalog
from app.classifiers.labels import known_label
from app.errors import InvalidInput, NotFound
from app.services.serving import usage
from app.services.serving.log import History
from app.store.audit_log import record
from app.store.db import db, now
from app.store.tables import Prediction, Review
from app.store.transaction import transaction

Verdict = Literal["right", "wrong", "unsure", "ungradable"]


@dataclass(frozen=True)
class Opinion:
    """A verdict; where it is `wrong`, perhaps the class that the image shows instead; and a note."""

    verdict: Verdict
    label: str | None = None
    note: str | None = None


class Reviews:
    """The use cases of reviewing."""

    def __init__(self, catalog: Catalog, history: History) -> None:
        self._catalog = catalog
        self._history = history

    def give(self, prediction_id: str, reviewer: str, opinion: Opinion) -> Prediction:
        """Keep a reviewer's verdict in place of an earlier one; the correction of the answer follows it.

        InvalidInput for a label beside another verdict than `wrong`, or one that is no class or the predicted one.
        """
        found = self._history.get(prediction_id)
        label = self._label(found, opinion)
        right = found.predicted_class if opinion.verdict == "right" else label
        with transaction():
            usage.relabel(found.id, right, None if right is None else now())
            _forget(found.id, reviewer)
            values = {"verdict": opinion.verdict, "label": label, "note": opinion.note}
            db.session.add(Review(prediction_id=prediction_id, reviewer=reviewer, **values))
            record("review.given", found.classifier, prediction=prediction_id, verdict=opinion.verdict, label=label)
        return self._history.get(prediction_id)

    def withdraw(self, prediction_id: str, reviewer: str) -> Prediction:
        """Forget a reviewer's verdict, and the correction that followed it; NotFound where there is none."""
        found = self._history.get(prediction_id)
        if db.session.get(Review, (prediction_id, reviewer)) is None:
            raise NotFound(f"{reviewer} has not reviewed this prediction.")
        with transaction():
            usage.relabel(found.id, None, None)
            _forget(found.id, reviewer)
            record("review.withdrawn", found.classifier, prediction=prediction_id)
        return self._history.get(prediction_id)

    def summary(self, classifier: str | None) -> dict[str, Any]:
        """Count the verdicts of each reviewer; for each two, on the answers that both reviewed, how far they agree."""
        query = select(Review.prediction_id, Review.reviewer, Review.verdict)
        if classifier is not None:
            query = query.join(Prediction).where(Prediction.classifier == self._catalog[classifier].name)
        verdicts: dict[str, dict[str, str]] = defaultdict(dict)
        for prediction_id, reviewer, verdict in db.session.execute(query):
            verdicts[reviewer][prediction_id] = verdict
        return {
            "reviewers": {name: dict(Counter(given.values())) for name, given in sorted(verdicts.items())},
            "agreement": [
                {"reviewers": [one, other], **_agreement(verdicts[one], verdicts[other])}
                for one, other in combinations(sorted(verdicts), 2)
                if verdicts[one].keys() & verdicts[other].keys()
            ],
        }

    def _label(self, found: Prediction, opinion: Opinion) -> str | None:
        if opinion.label is None:
            return None
        if opinion.verdict != "wrong":
            raise InvalidInput("A label belongs to the verdict 'wrong': the class that the image shows instead.")
        label = known_label(self._catalog[found.classifier], opinion.label)
        if label == found.predicted_class:
            raise InvalidInput(f"{label} is what was predicted; the verdict is then 'right'.")
        return label


def _forget(prediction_id: str, reviewer: str) -> None:
    mine = (Review.prediction_id == prediction_id, Review.reviewer == reviewer)
    db.session.execute(delete(Review).where(*mine))


def _agreement(one: dict[str, str], other: dict[str, str]) -> dict[str, Any]:
    shared = sorted(one.keys() & other.keys())
    pairs = [(one[key], other[key]) for key in shared]
    return {"n": len(pairs), "same": sum(first == second for first, second in pairs), "kappa": kappa(pairs)}


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """How far two reviewers agree beyond chance, 1 where always (Cohen 1960); None where both say one thing only."""
    n = len(pairs)
    first, second = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    chance = sum(first[verdict] * second[verdict] for verdict in first) / n**2
    return None if chance == 1 else round((sum(a == b for a, b in pairs) / n - chance) / (1 - chance), 4)
