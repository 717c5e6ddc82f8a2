"""What each classifier's challenger gets to answer: settings that are added, never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.store.db import db
from app.store.registry import Registry
from app.store.tables import ChallengerTraffic, TrafficMode
from app.store.transaction import transaction


@dataclass(frozen=True)
class Share:
    """What a challenger gets: `percent` of the requests, to answer (canary) or to answer unseen (shadow)."""

    version: int
    mode: TrafficMode
    percent: float


def latest(classifier: str) -> ChallengerTraffic | None:
    """Return the last setting, if there ever was one."""
    query = select(ChallengerTraffic).where(ChallengerTraffic.classifier == classifier)
    return db.session.scalar(query.order_by(ChallengerTraffic.id.desc()).limit(1))


def share(registry: Registry, classifier: str) -> Share | None:
    """Return what the present challenger gets; None where there is none, or the setting is another's or off."""
    last = latest(classifier)
    if last is None or last.mode == "off" or registry.alias(classifier, "challenger") != last.version:
        return None
    return Share(last.version, last.mode, last.percent)


def history(classifier: str) -> Sequence[ChallengerTraffic]:
    """Return every setting, the newest first."""
    query = select(ChallengerTraffic).where(ChallengerTraffic.classifier == classifier)
    return db.session.scalars(query.order_by(ChallengerTraffic.id.desc())).all()


def add(setting: ChallengerTraffic) -> None:
    """Put a setting in force."""
    with transaction():
        db.session.add(setting)
