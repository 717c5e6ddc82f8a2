"""Changes of a dataset's images by hand: each is one transaction, one revision, and can be undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.actor import current_actor
from app.classifiers.catalog import Catalog
from app.classifiers.labels import known_label
from app.classifiers.spec import SPLITS, ClassifierSpec
from app.errors import InvalidInput, NotFound, TooLarge
from app.services.datasets.curation import rules
from app.services.datasets.curation.state import State, Step, difference, load, states, whole, write
from app.services.datasets.curation.tags import clean_tags, tagged
from app.services.datasets.intake import UNSPLIT
from app.services.datasets.removed import removed_among
from app.services.datasets.revision import lock_name, revision_number
from app.store.audit_log import record
from app.store.db import db
from app.store.tables import DatasetChange, Image, ImageChange
from app.store.transaction import transaction

MOST: Final = 1000  # images of one call, or that one call reaches through their groups
ACTIONS: Final = {"label": "relabelled", "split": "moved", "placed": "moved", "tags": "tagged"}


@dataclass(frozen=True)
class Edit:
    """What to change; None leaves it as it is. `tags` replaces all of them, with `tags_added` and `_removed` some."""

    label: str | None = None
    split: str | None = None
    tags: Sequence[str] | None = None
    tags_added: Sequence[str] = ()
    tags_removed: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """What a change did: the dataset's revision after it, and which images differ; `action` is None where none does."""

    classifier: str
    revision: int
    action: str | None
    changed: list[str]
    unchanged: int


class Curation:
    """The use cases of changing images."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def change(
        self, classifier: str, hashes: Sequence[str], edit: Edit, reason: str = "", *, whole_groups: bool = False
    ) -> Outcome:
        """Relabel, move or tag images, all of them or none; the same call again changes nothing.

        `whole_groups` extends a move to all images of their patients, and a new label to all that show the same.
        NotFound for an image that the dataset does not have, Conflict where a rule of `rules` forbids it.
        """
        spec, hashes = self._catalog[classifier], _checked(hashes)
        edit = _valid(spec, edit)
        with transaction() as unit:
            unit.lock(lock_name(classifier))
            rows = load(classifier, hashes)
            _require(classifier, hashes, rows)
            alone = edit.label is None and edit.split is None  # tags concern no other image
            of = rules.kin(classifier, {} if alone else rows)
            if whole_groups and not alone:
                rows = _widened(rows, of, edit)
            steps = _edits(rows, edit)
            rules.check_labels(steps, of)
            rules.check_moves(steps, of, classifier, together=True)
            return commit(classifier, steps, reason, len(rows))

    def remove(self, classifier: str, hashes: Sequence[str], reason: str = "") -> Outcome:
        """Remove images; one that was removed before counts as unchanged. NotFound for one that never was there."""
        self._catalog[classifier]
        hashes = _checked(hashes)
        with transaction() as unit:
            unit.lock(lock_name(classifier))
            rows = load(classifier, hashes)
            gone = removed_among(classifier, hashes)
            _require(classifier, [each for each in hashes if each not in gone], rows)
            before = states(list(rows.values()))
            steps = [Step(sha256, row, whole(row, before[sha256]), None) for sha256, row in rows.items()]
            return commit(classifier, steps, reason, len(hashes))


def commit(classifier: str, steps: Sequence[Step], reason: str, asked: int, undoes: int | None = None) -> Outcome:
    """Write the steps and the change that they make, in the present transaction."""
    number, changed = revision_number(classifier), [step.sha256 for step in steps]
    if not steps and undoes is None:
        return Outcome(classifier, number, None, [], asked)
    action = "undone" if undoes is not None else _action(steps)
    for step in steps:
        write(classifier, step)
    row = DatasetChange(
        classifier=classifier, number=number + 1, action=action, actor=current_actor.get(), reason=reason,
        images=len(steps), undoes=undoes,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    db.session.add_all(
        ImageChange(change_id=row.id, sha256=step.sha256, before=step.before, after=step.after) for step in steps
    )
    about = {} if undoes is None else {"undoes": undoes}
    record(f"images.{action}", classifier, revision=number + 1, images=len(steps), reason=reason, **about)
    return Outcome(classifier, number + 1, action, changed, asked - len(steps))


def _action(steps: Sequence[Step]) -> str:
    """Name a change by what it does; `changed` where that is more than one thing."""
    if any(step.after is None for step in steps):
        return "removed"
    found = {ACTIONS[name] for step in steps for name in step.after or ()}
    return found.pop() if len(found) == 1 else "changed"


def _checked(hashes: Sequence[str]) -> list[str]:
    """Return the SHA-256, each once; InvalidInput for none, TooLarge for more than MOST."""
    found = list(dict.fromkeys(hashes))
    if not found:
        raise InvalidInput("No image is named; send the SHA-256 of one or more in 'sha256'.")
    if len(found) > MOST:
        raise TooLarge(f"{len(found)} images are more than a call may change; send at most {MOST}.")
    return found


def _valid(spec: ClassifierSpec, edit: Edit) -> Edit:
    """Return the edit with the class and the tags as they are kept; InvalidInput where it says nothing or nonsense."""
    if edit.tags is not None and (edit.tags_added or edit.tags_removed):
        raise InvalidInput("'tags' replaces all tags, so send it without 'tags_added' and 'tags_removed'.")
    if edit.split is not None and edit.split not in (*SPLITS, UNSPLIT):
        raise InvalidInput(f"{edit.split!r} is no split; choose one of: {', '.join((*SPLITS, UNSPLIT))}.")
    label = None if edit.label is None else known_label(spec, edit.label)
    tags = None if edit.tags is None else clean_tags(edit.tags)
    found = Edit(label, edit.split, tags, clean_tags(edit.tags_added), clean_tags(edit.tags_removed))
    if not (label or edit.split or tags is not None or found.tags_added or found.tags_removed):
        raise InvalidInput("Nothing is to be changed; send 'label', 'split', 'tags', 'tags_added' or 'tags_removed'.")
    return found


def _require(classifier: str, hashes: Sequence[str], rows: Mapping[str, Image]) -> None:
    missing = [sha256 for sha256 in hashes if sha256 not in rows]
    if missing:
        others = f", nor {len(missing) - 1} more of those named" if missing[1:] else ""
        raise NotFound(f"The dataset of {classifier} has no image {missing[0]!r}{others}.")


def _widened(rows: Mapping[str, Image], of: rules.Kin, edit: Edit) -> dict[str, Image]:
    """Return the images with those that have to change with them."""
    found = dict(rows)
    if edit.split is not None:
        groups = {of.groups[sha256] for sha256 in rows}
        found |= {sha256: row for sha256, row in of.rows.items() if of.groups[sha256] in groups}
    while new := {sha256 for pair in of.pairs if found.keys() & set(pair) for sha256 in pair} - found.keys():
        found |= {sha256: of.rows[sha256] for sha256 in new}
    if len(found) > MOST:
        raise TooLarge(f"Their groups have {len(found)} images, more than a call may change ({MOST}).")
    return found


def _edits(rows: Mapping[str, Image], edit: Edit) -> list[Step]:
    """Return a step for each image that the edit changes."""
    steps = []
    for sha256, before in states(list(rows.values())).items():
        old, new = difference(before, _edited(before, edit))
        if new:
            steps.append(Step(sha256, rows[sha256], old, new))
    return steps


def _edited(state: State, edit: Edit) -> State:
    found: dict[str, Any] = dict(state)
    if edit.label is not None:
        found["label"] = edit.label
    if edit.split is not None:
        found |= {"split": None if edit.split == UNSPLIT else edit.split, "placed": edit.split != UNSPLIT}
    found["tags"] = tagged(state["tags"], edit.tags, edit.tags_added, edit.tags_removed)
    return found
