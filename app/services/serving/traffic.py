"""Giving a challenger traffic, and comparing what it says with what the champion says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from app.classifiers.catalog import Catalog
from app.errors import Conflict, InvalidInput
from app.services.serving.latency import percentiles
from app.services.serving.loaded_models import Serving
from app.store import traffic
from app.store.audit_log import record
from app.store.db import db
from app.store.registry import Registry
from app.store.tables import ChallengerTraffic, Prediction, ShadowAnswer, TrafficMode
from app.store.transaction import transaction
from app.training.statistics.proportions import wilson

LATEST: Final = 2000  # answers that percentiles are taken of
SHOWN: Final = 20
USUAL_PERCENT: Final[dict[TrafficMode, float]] = {"off": 0.0, "shadow": 100.0, "canary": 10.0}


class Traffic:
    """The use cases of champion and challenger side by side."""

    def __init__(self, catalog: Catalog, registry: Registry, serving: Serving) -> None:
        self._catalog = catalog
        self._registry = registry
        self._serving = serving

    def set_traffic(
        self, classifier: str, version: int | None, mode: TrafficMode, percent: float | None, reason: str
    ) -> None:
        """Give the challenger, by default the present one, its share of the requests.

        Unavailable when its bundle cannot be used; Conflict when there is no challenger.
        """
        self._catalog[classifier]
        wanted = self._wanted(classifier, version)
        if mode != "off":
            self._serving.check(classifier, wanted)
        share = 0.0 if mode == "off" else percent or USUAL_PERCENT[mode]
        setting = ChallengerTraffic(classifier=classifier, version=wanted, mode=mode, percent=share, reason=reason)
        with transaction() as unit:
            self._registry.lock_aliases(unit, classifier)
            if self._wanted(classifier, version) != wanted:
                raise Conflict(f"{classifier} has another challenger since a moment ago; look at it, then try again.")
            if self._registry.alias(classifier, "challenger") != wanted:
                self._registry.move(classifier, "challenger", wanted, reason)
            traffic.add(setting)
            record("traffic.set", classifier, version=wanted, mode=mode, percent=share, reason=reason)

    def _wanted(self, classifier: str, version: int | None) -> int:
        """Return the version meant, by default the present challenger; an error when it cannot be the challenger."""
        wanted = version or self._registry.alias(classifier, "challenger")
        if wanted is None:
            raise Conflict(f"{classifier} has no challenger; name the version that should be one.")
        if wanted == self._registry.alias(classifier, "champion"):
            raise InvalidInput(f"{classifier} {wanted} is the champion; name another version as its challenger.")
        return wanted

    def comparison(self, classifier: str) -> dict[str, Any]:
        """Return the challenger's share and what is known of both: agreement, computing time, corrected labels."""
        self._catalog[classifier]
        champion, challenger = (self._registry.alias(classifier, alias) for alias in ("champion", "challenger"))
        share, settings = traffic.share(self._registry, classifier), traffic.history(classifier)
        answer: dict[str, Any] = {
            "classifier": classifier,
            "champion": champion,
            "challenger": challenger,
            "mode": share.mode if share else "off",
            "percent": share.percent if share else 0.0,
            "history": [_setting(each) for each in settings],
            "shadow": None,
            "canary": None,
        }
        if champion is not None and challenger is not None:
            answer["shadow"] = _shadow(classifier, champion, challenger)
            answer["canary"] = _canary(settings, challenger)
        return answer


def _setting(row: ChallengerTraffic) -> dict[str, Any]:
    named = {name: getattr(row, name) for name in ("version", "mode", "percent", "reason")}
    return {**named, "at": row.created_at.isoformat()}


def _shadow(classifier: str, champion: int, challenger: int) -> dict[str, Any]:
    """What both said to the same images."""
    pair = (
        ShadowAnswer.classifier == classifier,
        ShadowAnswer.champion_version == champion,
        ShadowAnswer.challenger_version == challenger,
    )
    answered = (*pair, ShadowAnswer.error.is_(None))
    agreed = Prediction.predicted_class == ShadowAnswer.predicted_class
    labelled = (*answered, Prediction.label.is_not(None))
    dropped = select(func.coalesce(func.sum(ShadowAnswer.dropped), 0)).where(*pair)
    return {
        **_share("agreement", _count(*answered, agreed), n := _count(*answered)),
        "n": n,
        "failed": _count(*pair, ShadowAnswer.error.is_not(None)),
        "dropped": db.session.scalars(dropped).one(),
        "compute_ms": {
            "champion": _percentiles(ShadowAnswer.champion_ms, ShadowAnswer.created_at, *answered),
            "challenger": _percentiles(ShadowAnswer.challenger_ms, ShadowAnswer.created_at, *answered),
        },
        "labelled": {
            "n": (known := _count(*labelled)),
            "champion": _share("accuracy", _count(*labelled, Prediction.label == Prediction.predicted_class), known),
            "challenger": _share(
                "accuracy", _count(*labelled, Prediction.label == ShadowAnswer.predicted_class), known
            ),
        },
        "disagreements": _disagreements(*answered, ~agreed),
    }


def _disagreements(*where: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(Prediction, ShadowAnswer).join(Prediction, Prediction.id == ShadowAnswer.prediction_id)
    rows = db.session.execute(query.where(*where).order_by(ShadowAnswer.created_at.desc()).limit(SHOWN)).all()
    return [
        {
            "prediction_id": given.id,
            "champion": {"predicted_class": given.predicted_class, "confidence": given.confidence},
            "challenger": {"predicted_class": unseen.predicted_class, "confidence": unseen.confidence},
            "label": given.label,
        }
        for given, unseen in rows
    ]


def _canary(settings: Sequence[ChallengerTraffic], challenger: int) -> dict[str, Any] | None:
    """What either answered, of different requests, while the challenger was last a canary; None if it never was."""
    last = next((i for i, each in enumerate(settings) if (each.mode, each.version) == ("canary", challenger)), None)
    if last is None:
        return None
    then = (
        Prediction.classifier == settings[last].classifier,
        Prediction.created_at >= settings[last].created_at,
        Prediction.job_id.is_(None),
        *([Prediction.created_at < settings[last - 1].created_at] if last else []),
    )
    others = _answers(*then, Prediction.model_version != challenger)
    return {"champion": others, "challenger": _answers(*then, Prediction.model_version == challenger)}


def _answers(*where: ColumnElement[bool]) -> dict[str, Any]:
    labelled, decisions = (*where, Prediction.label.is_not(None)), select(Prediction.decision, func.count())
    right, known = (_total(*labelled, Prediction.label == Prediction.predicted_class), _total(*labelled))
    counts = db.session.execute(decisions.where(*where).group_by(Prediction.decision)).all()
    return {
        "n": _total(*where),
        "decisions": {row[0]: row[1] for row in counts},
        "duration_ms": _percentiles(Prediction.duration_ms, Prediction.created_at, *where),
        "labelled": {"n": known, **_share("accuracy", right, known)},
    }


def _share(name: str, hits: int, n: int) -> dict[str, Any]:
    """A proportion with its 95 % interval (Wilson 1927); None of nothing."""
    return {name: hits / n if n else None, f"{name}_interval": wilson(hits, n)}


def _count(*where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(ShadowAnswer)
    return db.session.scalars(query.join(Prediction, Prediction.id == ShadowAnswer.prediction_id).where(*where)).one()


def _total(*where: ColumnElement[bool]) -> int:
    return db.session.scalars(select(func.count()).select_from(Prediction).where(*where)).one()


def _percentiles(column: Any, moment: Any, *where: ColumnElement[bool]) -> dict[str, float | None]:  # noqa: ANN401 - columns
    values = db.session.scalars(select(column).where(*where).order_by(moment.desc()).limit(LATEST)).all()
    return percentiles(values, 50, 95)
