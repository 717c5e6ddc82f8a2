"""Counts the predictions: those of the past once, hour by hour; only the latest are looked at for each question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Integer, String, cast, delete, func, insert, literal_column, select, true, update

from app.store.audit_log import record
from app.store.db import UNSYNCHRONIZED, db, now
from app.store.tables import Counted, Prediction, PredictionHour
from app.store.transaction import transaction

LATE: Final = timedelta(minutes=10)  # a prediction is written so long after its time, at most
STEP: Final = 20_000  # predictions of one transaction: other writers wait for no more
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_KEY: Final = (PredictionHour.hour, PredictionHour.classifier, PredictionHour.predicted_class, PredictionHour.decision)
_NUMBERS: Final = ("predictions", "labelled", "correct")
_FORMAT: Final = "%Y-%m-%d %H"
# Lengths are written into the statement: PostgreSQL does not see that an expression with parameters is the grouped one.
_FIRST: Final = literal_column("1", Integer)
_HOUR_LONG: Final = literal_column("13", Integer)
_DAY_LONG: Final = literal_column("10", Integer)
_HOUR: Final = func.substr(cast(Prediction.created_at, String), _FIRST, _HOUR_LONG)
_DAY: Final = func.substr(PredictionHour.hour, _FIRST, _DAY_LONG)
_WHAT: Final = (_HOUR, Prediction.classifier, Prediction.predicted_class, Prediction.decision)
_COUNTS: Final = (
    func.count(),
    func.count().filter(Prediction.label.is_not(None)),
    func.count().filter(Prediction.label == Prediction.predicted_class),
)


class Group(NamedTuple):
    """So many predictions of an hour that say the same."""

    hour: str
    classifier: str
    predicted_class: str
    decision: str
    predictions: int
    labelled: int
    correct: int


def close() -> None:
    """Count what has not been counted, but for what may still come late."""
    while _close_some():
        pass


def _close_some() -> bool:
    """Count the oldest predictions that have not been counted; say whether more may be left."""
    with transaction():
        since, end = _hold(), now() - LATE
        if since is None or since >= end:
            return False
        later = select(Prediction.created_at).where(Prediction.created_at > since, Prediction.created_at < end)
        last = db.session.scalar(later.order_by(Prediction.created_at).offset(STEP).limit(1))
        until = last or end
        for group in _groups(Prediction.created_at >= since, Prediction.created_at < until):
            _add(group)
        db.session.execute(update(Counted).values(until=until), execution_options=UNSYNCHRONIZED)
    return last is not None


def relabel(prediction_id: str, label: str | None, at: datetime | None) -> None:
    """Give a prediction another label, or none, in the present transaction."""
    until = _hold()
    found = db.session.get_one(Prediction, prediction_id, populate_existing=True)
    before = (found.label is not None, found.label == found.predicted_class)
    found.label, found.labelled_at = label, at
    after = (label is not None, label == found.predicted_class)
    if until is not None and found.created_at < until:
        hour = found.created_at.astimezone(UTC).strftime(_FORMAT)
        changes = (new - old for new, old in zip(after, before, strict=True))
        _add(Group(hour, found.classifier, found.predicted_class, found.decision, 0, *changes))
    action = "feedback.given" if label is not None else "feedback.withdrawn"
    record(action, found.classifier, prediction=prediction_id, label=label)


def forget(*which: Any) -> None:  # noqa: ANN401 - SQL expressions
    """Count predictions no longer, in the present transaction, which deletes them."""
    until = _hold()
    if until is not None:
        for group in _groups(*which, Prediction.created_at < until):
            _add(group._replace(predictions=-group.predictions, labelled=-group.labelled, correct=-group.correct))


def usage(classifier: str | None, since: datetime | None) -> dict[str, Any]:
    """Return how many predictions there are since a moment, or ever: by classifier, class, decision and day."""
    names = ("by_classifier", "by_class", "by_decision", "by_day")
    found: dict[str, Counter[str]] = {name: Counter() for name in names}
    total = labelled = correct = 0
    for group in _counted(classifier, since or BEGINNING):
        for name, key in zip(names, (*group[1:4], group.hour[:10]), strict=True):
            found[name][key] += group.predictions
        total, labelled, correct = total + group.predictions, labelled + group.labelled, correct + group.correct
    mine = () if classifier is None else (Prediction.classifier == classifier,)
    last_hour = max(now() - timedelta(hours=1), since or BEGINNING)
    return {
        "predictions": total,
        "last_hour": db.session.scalar(select(func.count()).where(Prediction.created_at > last_hour, *mine)),
        **{name: {key: n for key, n in sorted(counted.items()) if n} for name, counted in found.items()},
        "feedback": {
            "labelled": labelled,
            "correct": correct,
            "accuracy": round(correct / labelled, 4) if labelled else None,
        },
    }


def _counted(classifier: str | None, since: datetime) -> Iterator[Group]:
    """Yield the groups since a moment: whole hours as they were counted, what is before and after as it is now."""
    until = db.session.scalar(select(Counted.until)) or BEGINNING
    whole = since.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) if since > BEGINNING else since
    edge = min(whole, until)
    mine = true() if classifier is None else Prediction.classifier == classifier
    if since < edge:
        yield from _groups(mine, Prediction.created_at > since, Prediction.created_at < edge)
    if edge < until:
        counted = true() if classifier is None else PredictionHour.classifier == classifier
        sums = (func.sum(getattr(PredictionHour, name)) for name in _NUMBERS)
        query = select(_DAY, *_KEY[1:], *sums).where(PredictionHour.hour >= edge.strftime(_FORMAT), counted)
        yield from (Group(*row) for row in db.session.execute(query.group_by(_DAY, *_KEY[1:])))
    yield from _groups(mine, Prediction.created_at > since, Prediction.created_at >= until)


def _groups(*where: Any) -> Sequence[Group]:  # noqa: ANN401 - SQL expressions
    """Count predictions as they are now."""
    rows = db.session.execute(select(*_WHAT, *_COUNTS).where(*where).group_by(*_WHAT)).all()
    return [Group(*row) for row in rows]


def _hold() -> datetime | None:
    """Make others wait who change counts, until the transaction ends; return up to when predictions are counted."""
    held = update(Counted).values(until=Counted.until).returning(Counted.until)
    return db.session.scalar(held, execution_options=UNSYNCHRONIZED)


def _add(group: Group) -> None:
    """Add to what was counted; a group of none goes."""
    place = [column == value for column, value in zip(_KEY, group, strict=False)]
    grown = {name: getattr(PredictionHour, name) + getattr(group, name) for name in _NUMBERS}
    update_it = update(PredictionHour).where(*place).values(**grown).returning(PredictionHour.predictions)
    left = db.session.scalar(update_it, execution_options=UNSYNCHRONIZED)
    if left is None:
        db.session.execute(insert(PredictionHour).values(**group._asdict()))
    elif left <= 0:
        db.session.execute(delete(PredictionHour).where(*place), execution_options=UNSYNCHRONIZED)
