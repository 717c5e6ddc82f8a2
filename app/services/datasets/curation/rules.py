"""What no change by hand may do: part a group, test what a model learned from, give copies different labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import or_, select

from app.batched import batched
from app.classifiers.spec import SPLITS, Split
from app.errors import Conflict
from app.services.datasets.curation.state import CHUNK, Step, load
from app.services.datasets.removed import used_before
from app.store.db import db
from app.store.tables import CORRECTION, Image, NearDuplicate
from app.training.data.drawn import SOURCE
from app.training.data.splits import earliest, unite

TITLES: Final[dict[Split, str]] = {"train": "a training", "val": "a validation", "test": "a test"}


@dataclass(frozen=True)
class Kin:
    """Images with all others of their patients and all that show the same: `groups` names the group of each."""

    rows: dict[str, Image]
    groups: dict[str, str]
    pairs: list[tuple[str, str]]


def kin(classifier: str, rows: Mapping[str, Image]) -> Kin:
    """Return these images with all that must share their split."""
    found, pairs = dict(rows), set[tuple[str, str]]()
    new: Mapping[str, Image] = rows
    while new:
        linked = dict(_of_groups(classifier, sorted({row.group for row in new.values()})))
        fresh = set(_pairs(classifier, sorted(new)))
        pairs |= fresh
        ends = sorted({sha256 for pair in fresh for sha256 in pair} - found.keys() - linked.keys())
        linked |= load(classifier, ends)
        new = {sha256: row for sha256, row in linked.items() if sha256 not in found}
        found |= new
    real = sorted(pair for pair in pairs if _same(found, pair))
    order = sorted(found.values(), key=lambda row: row.id)
    places = {row.sha256: place for place, row in enumerate(order)}
    groups = unite([row.group for row in order], [(places[one], places[two]) for one, two in real])
    return Kin(found, {row.sha256: group for row, group in zip(order, groups, strict=True)}, real)


def check_moves(steps: Sequence[Step], of: Kin, classifier: str, *, together: bool) -> None:
    """Raise Conflict where a move would make a test of what was learned from or, if asked, part a group."""
    past = _past(of, classifier)
    wanted = {row.sha256: (row, split) for row, split in _moved(steps)}
    for row, split in wanted.values():
        if split is not None:
            _check_use(row, split, past.get(of.groups[row.sha256]))
    if not together:
        return
    targets = {of.groups[sha256]: split for sha256, (_, split) in wanted.items() if split is not None}
    for sha256, row in of.rows.items():
        target = targets.get(of.groups[sha256])
        if target is not None and sha256 not in wanted and row.split not in (target, None):
            raise Conflict(
                f"{row.filename!r} would stay in the split {row.split!r}; it is of the same patient as an image that"
                " moves, or shows the same. Move them together ('whole_groups')."
            )


def check_labels(steps: Sequence[Step], of: Kin) -> None:
    """Raise Conflict where two images that show the same, and have one label, would have two."""
    labels = {step.sha256: step.after["label"] for step in steps if step.after and "label" in step.after}
    for one, two in of.pairs:
        first, second = of.rows[one], of.rows[two]
        before, after = (first.label, second.label), (labels.get(one, first.label), labels.get(two, second.label))
        if before[0] == before[1] and after[0] != after[1]:
            raise Conflict(
                f"{first.filename!r} and {second.filename!r} show the same and would have different labels. Relabel"
                " both ('whole_groups'), or remove one of them."
            )


def latest_allowed(row: Mapping[str, Any], classifier: str) -> Split | None:
    """Return the split of an image that comes back; None, training chooses, where its group was learned from since."""
    split: Split | None = row["split"]
    same = select(Image.used).where(Image.classifier == classifier, Image.group == row["group"])
    used = earliest([*db.session.scalars(same), used_before(classifier).get(row["group"])])
    return None if split and used and SPLITS.index(split) > SPLITS.index(used) else split


def _check_use(row: Image, split: Split, used: Split | None) -> None:
    if row.source == CORRECTION and split != "train":
        raise Conflict(f"{row.filename!r} corrects a model's mistake, so it can only be a training image.")
    if used is not None and SPLITS.index(split) > SPLITS.index(used):
        raise Conflict(
            f"A model was made with {row.filename!r}, or an image of its group, as {TITLES[used]} image; so it can no"
            f" longer be {TITLES[split]} image."
        )


def _past(of: Kin, classifier: str) -> dict[str, Split]:
    """Return the earliest split that a group was used in, removed images included."""
    removed, found = used_before(classifier), dict[str, Split]()
    for sha256, row in of.rows.items():
        group = of.groups[sha256]
        own: Split | None = "train" if row.source == CORRECTION else row.used
        used = earliest([found.get(group), own, removed.get(row.group), removed.get(sha256)])
        if used is not None:
            found[group] = used
    return found


def _moved(steps: Sequence[Step]) -> Iterator[tuple[Image, Split | None]]:
    for step in steps:
        if step.row is not None and step.after is not None and step.after.keys() & {"split", "placed"}:
            yield step.row, step.after.get("split", step.row.split)


def _of_groups(classifier: str, groups: Sequence[str]) -> Iterator[tuple[str, Image]]:
    for some in batched(groups, CHUNK):
        query = select(Image).where(Image.classifier == classifier, Image.group.in_(some))
        yield from ((row.sha256, row) for row in db.session.scalars(query))


def _pairs(classifier: str, hashes: Sequence[str]) -> Iterator[tuple[str, str]]:
    for some in batched(hashes, CHUNK):
        ends = or_(NearDuplicate.first.in_(some), NearDuplicate.second.in_(some))
        query = select(NearDuplicate.first, NearDuplicate.second).where(NearDuplicate.classifier == classifier, ends)
        yield from ((one, two) for one, two in db.session.execute(query))


def _same(rows: Mapping[str, Image], pair: tuple[str, str]) -> bool:
    """Say whether both are in the dataset, and not both drawn: drawings with different seeds are no copies."""
    return all(sha256 in rows for sha256 in pair) and any(rows[sha256].source != SOURCE for sha256 in pair)
