"""The changes of a dataset: listed, looked at and undone, the last one first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.classifiers.catalog import Catalog
from app.errors import Conflict, NotFound
from app.services.datasets.curation import rules
from app.services.datasets.curation.changes import Outcome, commit
from app.services.datasets.curation.listing import make_cursor, read_cursor
from app.services.datasets.curation.state import State, Step, difference, load, states
from app.services.datasets.revision import lock_name
from app.store.db import db
from app.store.files import Files
from app.store.tables import DatasetChange, Image, ImageChange
from app.store.transaction import transaction


class Changes:
    """The use cases of what was changed."""

    def __init__(self, catalog: Catalog, files: Files) -> None:
        self._catalog = catalog
        self._files = files

    def list(self, classifier: str, cursor: str | None, limit: int) -> tuple[Sequence[DatasetChange], str | None]:
        """Return changes, the newest first, and the cursor of the next page."""
        self._catalog[classifier]
        query = select(DatasetChange).where(DatasetChange.classifier == classifier)
        if cursor is not None:
            query = query.where(DatasetChange.number < read_cursor(cursor, "changes", [int])[0])
        rows = db.session.scalars(query.order_by(DatasetChange.number.desc()).limit(limit + 1)).all()
        more = len(rows) > limit
        return rows[:limit], make_cursor("changes", [rows[limit - 1].number]) if more else None

    def get(self, classifier: str, number: int) -> tuple[DatasetChange, Sequence[ImageChange]]:
        """Return a change and what it did to each image; NotFound when there is none of this number."""
        self._catalog[classifier]
        named = (DatasetChange.classifier == classifier, DatasetChange.number == number)
        row = db.session.scalar(select(DatasetChange).where(*named))
        if row is None:
            raise NotFound(f"The dataset of {classifier} has no change {number}.")
        return row, _images(row)

    def undo(self, classifier: str, reason: str = "") -> Outcome:
        """Take back the last change that stands; again, the one before it, and so on.

        What was changed otherwise since, or added again, stays as it is. Conflict when nothing is left to undo, the
        file of a removed image is gone, or a model has learned from what would become a test image.
        """
        self._catalog[classifier]
        found = _last(classifier)
        gone = [each.sha256 for each in _images(found) if each.after is None and not self._files.has(each.sha256)]
        if gone:
            raise Conflict(
                f"Change {found.number} removed {len(gone)} images whose files are no longer kept, the first of them"
                f" {gone[0]!r}, so it cannot be undone."
            )
        number = found.number
        with transaction() as unit:
            unit.lock(lock_name(classifier))
            target = _last(classifier)
            if target.number != number:
                raise Conflict("Somebody changed the dataset at the same moment; look at the changes and try again.")
            rows = load(classifier, [each.sha256 for each in _images(target)])
            steps = _reversed(classifier, _images(target), rows)
            touched = {step.sha256: step.row for step in steps if step.row is not None}
            rules.check_moves(steps, rules.kin(classifier, touched), classifier, together=False)
            done = commit(classifier, steps, reason or _about(target), target.images, undoes=number)
            target.undone_by = done.revision
            return done


def _last(classifier: str) -> DatasetChange:
    stands = (DatasetChange.undoes.is_(None), DatasetChange.undone_by.is_(None))
    query = select(DatasetChange).where(DatasetChange.classifier == classifier, *stands)
    row = db.session.scalar(query.order_by(DatasetChange.number.desc()).limit(1))
    if row is None:
        raise Conflict(f"There is no change of the images of {classifier} to undo.")
    return row


def _about(change: DatasetChange) -> str:
    return f"Undo of change {change.number}: {change.images} images {change.action}."


def _images(change: DatasetChange) -> Sequence[ImageChange]:
    query = select(ImageChange).where(ImageChange.change_id == change.id).order_by(ImageChange.sha256)
    return db.session.scalars(query).all()


def _reversed(classifier: str, made: Sequence[ImageChange], rows: dict[str, Image]) -> list[Step]:
    """Return the steps back; none for an image that has left or come back since."""
    present = states(list(rows.values()))
    steps = []
    for each in made:
        row, before = rows.get(each.sha256), each.before or {}
        if each.after is None:
            if row is None:
                steps.append(Step(each.sha256, None, None, before | _place(classifier, before)))
        elif row is not None:
            left = {name: before[name] for name in before if present[each.sha256][name] == each.after[name]}
            old, new = difference(present[each.sha256], left)
            if new:
                steps.append(Step(each.sha256, row, old, new))
    return steps


def _place(classifier: str, before: State) -> dict[str, Any]:
    """Return the split of an image that comes back, if the images that are there allow it."""
    split = rules.latest_allowed(before, classifier)
    return {"split": split, "placed": before["placed"] and split is not None}
