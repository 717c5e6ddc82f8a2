"""Pages of a list by key: each continues behind the last row shown, so that new rows neither shift nor repeat any."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, literal, select, tuple_

from app.classifiers.spec import SPLITS
from app.errors import InvalidInput
from app.services.datasets.intake import UNSPLIT
from app.store.db import db
from app.store.tables import AuditReport, Image, ImageTag

NEVER: Final = "never"
# The columns of each order, the last one unique, and whether it goes down.
SORTS: Final[dict[str, tuple[tuple[Any, ...], bool]]] = {
    "newest": ((Image.id,), True),
    "oldest": ((Image.id,), False),
    "name": ((Image.filename, Image.id), False),
    "label": ((Image.label, Image.id), False),
}


@dataclass(frozen=True)
class Wanted:
    """Which images: None leaves a filter out. `q` is a part of the file name, `finding` a kind of the last audit."""

    label: str | None = None
    split: str | None = None
    source: str | None = None
    tag: str | None = None
    group: str | None = None
    used: str | None = None
    q: str | None = None
    finding: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a page begins, and how many rows it has."""

    sort: str = "newest"
    cursor: str | None = None
    offset: int = 0
    limit: int = 24


def where(classifier: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of the images wanted; InvalidInput for a split that there is not."""
    found: list[ColumnElement[bool]] = [Image.classifier == classifier]
    plain = {Image.label: wanted.label, Image.source: wanted.source, Image.group: wanted.group}
    found += [column == value for column, value in plain.items() if value is not None]
    if wanted.split is not None:
        found.append(_split(Image.split, wanted.split, UNSPLIT))
    if wanted.used is not None:
        found.append(_split(Image.used, wanted.used, NEVER))
    if wanted.tag is not None:
        found.append(exists().where(ImageTag.image_id == Image.id, ImageTag.tag == wanted.tag.lower()))
    if wanted.q is not None:
        found.append(Image.filename.icontains(wanted.q, autoescape=True))
    if wanted.finding is not None:
        found.append(Image.sha256.in_(_found(classifier, wanted.finding)))
    return found


def page(query: Select[Any], place: Place) -> Select[Any]:
    """Return the query in its order, from its place on, for one row more than the page has."""
    columns, down = SORTS[place.sort]
    if place.cursor is not None:
        last = read_cursor(place.cursor, place.sort, [*(str for _ in columns[1:]), int])
        key, bound = tuple_(*columns), tuple_(*map(literal, last))
        query = query.where(key < bound if down else key > bound)
    query = query.order_by(*(column.desc() if down else column for column in columns))
    return query.offset(place.offset).limit(place.limit + 1)


def cursor_behind(row: Image, sort: str) -> str:
    """Return the cursor of the page that continues behind this row."""
    return make_cursor(sort, [getattr(row, column.key) for column in SORTS[sort][0]])


def make_cursor(sort: str, values: Sequence[str | int]) -> str:
    """Return where a list goes on, in a form that no client needs to understand."""
    return urlsafe_b64encode(json.dumps([sort, *values]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, sort: str, kinds: Sequence[type]) -> list[Any]:
    """Return the values that `make_cursor` was given; InvalidInput for one of another order or of nobody's."""
    try:
        values: list[Any]
        named, *values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        named, values = None, []
    whole = len(values) == len(kinds) and all(type(value) is kind for value, kind in zip(values, kinds, strict=True))
    numbers = [value for value in values if isinstance(value, int)]
    if named != sort or not whole or any(abs(number) >= 2**31 for number in numbers):
        raise InvalidInput("This cursor does not belong to this list; leave it out to begin at the first page.")
    return values


def tags_of(rows: Sequence[Image]) -> dict[int, list[str]]:
    """Return the tags of each image by its id, in the order of the alphabet."""
    found: dict[int, list[str]] = {row.id: [] for row in rows}
    for start in range(0, len(rows), 500):
        ids = [row.id for row in rows[start : start + 500]]
        query = select(ImageTag.image_id, ImageTag.tag).where(ImageTag.image_id.in_(ids)).order_by(ImageTag.tag)
        for image_id, tag in db.session.execute(query):
            found[image_id].append(tag)
    return found


def count(conditions: Sequence[ColumnElement[bool]]) -> int:
    """Return the number of images that the conditions hold for."""
    return db.session.scalars(select(func.count()).select_from(Image).where(*conditions)).one()


def _split(column: Any, wanted: str, none: str) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    if wanted == none:
        found: ColumnElement[bool] = column.is_(None)
        return found
    if wanted not in SPLITS:
        raise InvalidInput(f"{wanted!r} is no split; choose one of: {', '.join((*SPLITS, none))}.")
    named: ColumnElement[bool] = column == wanted
    return named


def _found(classifier: str, kind: str) -> list[str]:
    """Return the SHA-256 of the images that a finding of the last audit lists."""
    report = db.session.get(AuditReport, classifier)
    findings = [] if report is None else report.body["findings"]
    return [sha256 for each in findings if each["kind"] == kind for sha256 in each.get("images", [])]
