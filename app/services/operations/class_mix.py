"""How often each class occurs among the images that were asked about, estimated from the answers alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from sqlalchemy import select

from app.inference.decision import UNFIT
from app.inference.prevalence import class_mix
from app.store.db import db
from app.store.registry import Registry
from app.store.tables import Prediction

WINDOW: Final = 1000
FEWEST: Final = 30
DIGITS: Final = 4


class ClassMix:
    """Estimates the mix of the champion's latest answers. `offload` runs computation where it holds nobody up."""

    def __init__(self, registry: Registry, offload: Callable[[Callable[[], Any]], Any]) -> None:
        self._registry = registry
        self._offload = offload
        self._kept: dict[str, tuple[object, dict[str, Any]]] = {}

    def estimate(self, classifier: str) -> dict[str, Any] | None:
        """The share of each class with its 95 % interval, beside that among the calibration images.

        Images that are ungradable or not of the model's kind do not count. None where no model serves, or the one
        that does was made before the mix of its calibration images was kept.
        """
        version = self._registry.alias(classifier, "champion")
        calibration = None if version is None else self._registry.card(classifier, version).calibration
        if calibration is None:
            return None
        where = (Prediction.classifier == classifier, Prediction.model_version == version)
        query = select(Prediction.id, Prediction.body["probabilities"]).where(*where, Prediction.decision.not_in(UNFIT))
        rows = db.session.execute(query.order_by(Prediction.created_at.desc()).limit(WINDOW)).all()
        answer = {"answers": len(rows), "needed": FEWEST, "calibration": _rounded(calibration.prior), "shares": None}
        if len(rows) < FEWEST:
            return answer
        state = version, rows[0].id, len(rows)
        known = self._kept.get(classifier)
        if known is None or known[0] != state:  # the Monitor page asks every few seconds
            prior = calibration.prevalence or calibration.prior
            answers = np.array([[row[1][name] for name in prior] for row in rows])
            shares, (low, high) = self._offload(partial(class_mix, answers, list(prior.values())))
            limits = zip(prior, low.tolist(), high.tolist(), strict=True)
            found = {
                "shares": _rounded(dict(zip(prior, shares.tolist(), strict=True))),
                "intervals": {name: [round(least, DIGITS), round(most, DIGITS)] for name, least, most in limits},
            }
            known = self._kept[classifier] = state, found
        return answer | known[1]


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, DIGITS) for name, share in shares.items()}
