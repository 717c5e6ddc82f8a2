"""What can be changed about an image, how it is written down, and how it is put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select

from app.batched import batched
from app.services.datasets.curation.listing import tags_of
from app.services.datasets.removed import bring_back
from app.store.db import UNSYNCHRONIZED, db
from app.store.tables import Image, ImageTag, RemovedImage

CHUNK: Final = 500
State = dict[str, Any]  # label, split, placed and tags of an image
_KEPT: Final = ("id", "sha256", "group", "filename", "source", "width", "height", "used", "tested")


@dataclass(frozen=True)
class Step:
    """What happens to one image: what it is `before` and `after`, None where the dataset does not have it.

    `row` is the image, None where it is to be brought back.
    """

    sha256: str
    row: Image | None
    before: State | None
    after: State | None


def load(classifier: str, hashes: Sequence[str]) -> dict[str, Image]:
    """Return those of these images that the dataset has."""
    found: dict[str, Image] = {}
    for some in batched(hashes, CHUNK):
        query = select(Image).where(Image.classifier == classifier, Image.sha256.in_(some))
        found |= {row.sha256: row for row in db.session.scalars(query)}
    return found


def states(rows: Sequence[Image]) -> dict[str, State]:
    """Return what can be changed about each image, by its SHA-256."""
    tags = tags_of(rows)
    return {
        row.sha256: {"label": row.label, "split": row.split, "placed": row.placed, "tags": tags[row.id]} for row in rows
    }


def whole(row: Image, state: State) -> State:
    """Return all that is needed to bring an image back."""
    return state | {name: getattr(row, name) for name in _KEPT} | {"created_at": row.created_at.isoformat()}


def write(classifier: str, step: Step) -> None:
    """Bring about the `after` of a step, in the present transaction."""
    if step.after is None:
        if step.row is not None:
            _remove(step.row)
    elif step.row is None:
        _restore(classifier, step.after)
    else:
        _set(step.row, step.after)


def difference(before: State, after: State) -> tuple[State, State]:
    """Return the values that differ, as they were and as they are."""
    names = [name for name in after if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _set(row: Image, values: Mapping[str, Any]) -> None:
    for name in ("label", "split", "placed"):
        if name in values:
            setattr(row, name, values[name])
    if "tags" in values:
        db.session.execute(delete(ImageTag).where(ImageTag.image_id == row.id), execution_options=UNSYNCHRONIZED)
        if values["tags"]:
            db.session.execute(insert(ImageTag), [{"image_id": row.id, "tag": tag} for tag in values["tags"]])


def _remove(row: Image) -> None:
    db.session.execute(delete(ImageTag).where(ImageTag.image_id == row.id), execution_options=UNSYNCHRONIZED)
    kept = {name: getattr(row, name) for name in ("classifier", "sha256", "group", "used", "tested")}
    db.session.add(RemovedImage(**kept))
    db.session.delete(row)


def _restore(classifier: str, kept: State) -> None:
    """Make the row again, with its old number if that is free: the order of the images names the groups."""
    free = db.session.get(Image, kept["id"]) is None
    names = ("sha256", "label", "split", "placed", "group", "filename", "source", "width", "height")
    row = Image(classifier=classifier, **{name: kept[name] for name in names})
    row.created_at = datetime.fromisoformat(kept["created_at"])
    if free:
        row.id = kept["id"]
    bring_back(row)
    db.session.add(row)
    db.session.flush()
    _set(row, {"tags": kept["tags"]})
