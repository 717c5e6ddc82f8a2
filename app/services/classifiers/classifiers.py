"""Classifiers made while the service runs: every process sees a change within a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.errors import Conflict, InvalidInput, NotFound
from app.runners import Run
from app.services.classifiers.deletion import Deletion, check_idle
from app.services.classifiers.forms import changed, spec_of, stored_form
from app.services.classifiers.guess import guess, preview
from app.services.datasets.archive import Upload, members
from app.services.datasets.intake import Intake, Report, counts, refuse_if_useless
from app.store.audit_log import record
from app.store.db import db
from app.store.tables import Image, ModelVersion, Prediction, StoredClassifier
from app.store.transaction import transaction

MAX_STORED: Final = 500  # every process keeps them all in memory
UPLOAD: Final = "the next upload or training"
TRAINING: Final = "the next training"
AT_ONCE: Final = "now"
# A model's card holds the spec that it was trained with, and answers are made by the card.
_TAKES_EFFECT: Final = {"title": AT_ONCE, "description": AT_ONCE, "data": UPLOAD}


class Classifiers:
    """The use cases of a classifier's own life."""

    def __init__(
        self, catalog: Catalog, intake: Intake, deletion: Deletion, weights_dir: Path | None, run_cpu_bound: Run
    ) -> None:
        self._catalog = catalog
        self._intake = intake
        self._deletion = deletion
        self._weights_dir = weights_dir
        self._run_cpu_bound = run_cpu_bound

    def create(self, given: Mapping[str, Any]) -> ClassifierSpec:
        """Make a classifier of the fields that a YAML file has; see `spec_of` for what may be left out.

        Conflict when the name exists, or there are too many.
        """
        spec = spec_of(given, self._weights_dir)
        self._catalog.refresh()
        if spec.name in self._catalog:
            raise _taken(spec.name)
        if len(self._catalog) - len(self._catalog.files()) >= MAX_STORED:
            raise Conflict(f"There are {MAX_STORED} classifiers already; delete one that nobody needs.")
        try:
            with transaction():
                db.session.add(StoredClassifier(name=spec.name, spec=stored_form(spec)))
                db.session.flush()
                record("classifier.created", spec.name, classes=list(spec.class_names)[:20])
        except IntegrityError as error:  # somebody was faster
            raise _taken(spec.name) from error
        self._catalog.refresh()
        return spec

    def create_with_images(self, given: Mapping[str, Any], uploads: Iterable[Upload]) -> tuple[ClassifierSpec, Report]:
        """Make a classifier and its dataset; without `classes` they are those that the files' names tell.

        InvalidInput, and no classifier, when none of the files can be used.
        """
        sent = list(uploads)
        paths = [member.path for member in self._run_cpu_bound(lambda: members(sent)).members]
        return self.create_with(given, paths, lambda spec: self._intake.upload(spec.name, sent))

    def create_with(
        self, given: Mapping[str, Any], paths: Sequence[str], take: Callable[[ClassifierSpec], Report]
    ) -> tuple[ClassifierSpec, Report]:
        """Do as `create_with_images` does, with the files of these paths, which `take` reads into the dataset."""
        fields = dict(given)
        if not fields.get("classes"):
            fields |= guess(paths)
        spec = self.create(fields)
        is_new = not counts(spec.name)  # a file of this name may have had images
        try:
            report = take(spec)
            refuse_if_useless(report)
        except BaseException:
            self._undo(spec.name, with_images=is_new)
            raise
        return spec, report

    def preview(self, paths: Sequence[str]) -> dict[str, Any]:
        """Return what a new classifier would be made of by the names of its images; nothing is kept."""
        return self._run_cpu_bound(lambda: preview(paths))

    def edit(self, name: str, changes: Mapping[str, Any]) -> tuple[ClassifierSpec, dict[str, str]]:
        """Change a classifier; return its spec and, of each field that changed, when that takes effect.

        Conflict when it is in a file, or a class goes that something depends on.
        """
        self._check_stored(name, "changed")
        with transaction() as unit:
            unit.lock(f"classifier {name}")
            row = db.session.get(StoredClassifier, name)
            if row is None:  # deleted a moment ago
                raise NotFound(f"There is no classifier {name!r}.")
            before = ClassifierSpec.model_validate(row.spec)
            after = changed(before, changes, self._weights_dir)
            effects = _effects(before, after)
            if effects:
                _check_classes(before, after)
                row.spec = stored_form(after)
                record("classifier.changed", name, fields=sorted(effects))
        self._catalog.refresh()
        return after, effects

    def delete(self, name: str, confirm: str | None) -> dict[str, int]:
        """Delete a classifier with all that belongs to it; return how many rows of each kind went.

        InvalidInput unless `confirm` repeats the name. Conflict when it is in a file, is the default, or a job runs.
        """
        self._check_stored(name, "deleted")
        if confirm != name:
            raise InvalidInput(f"Deleting cannot be undone: repeat the name, confirm={name}.")
        if self._catalog.default == name:
            raise Conflict(f"{name} is the DEFAULT_CLASSIFIER; change that setting first.")
        gone = self._deletion.delete(name)
        self._forget(name, gone)
        return gone

    def as_yaml(self, name: str) -> str:
        """Return the file that makes the same classifier in CLASSIFIERS_DIR."""
        return yaml.safe_dump(stored_form(self._catalog[name]), sort_keys=False, allow_unicode=True)

    def _undo(self, name: str, with_images: bool) -> None:
        """Let a classifier that was just made, and the images that came with it, go again."""
        self._forget(name, self._deletion.delete(name) if with_images else {})

    def _forget(self, name: str, gone: Mapping[str, int]) -> None:
        """Delete the row of a classifier, unless a job has begun meanwhile or somebody else was faster."""
        with transaction():
            check_idle(name)
            row = db.session.get(StoredClassifier, name)
            if row is None:
                raise NotFound(f"There is no classifier {name!r}.")
            db.session.delete(row)
            record("classifier.deleted", name, **gone)
        self._catalog.refresh()

    def _check_stored(self, name: str, what: str) -> None:
        """NotFound or Conflict unless the classifier was made while the service ran."""
        self._catalog.refresh()
        self._catalog[name]
        if self._catalog.source(name) == "builtin":
            raise Conflict(
                f"{name} is built in and cannot be {what}; a file {name}.yaml in CLASSIFIERS_DIR replaces it."
            )
        if self._catalog.source(name) == "file":
            raise Conflict(f"{name} is in a file of CLASSIFIERS_DIR and cannot be {what} here; change the file.")


def _taken(name: str) -> Conflict:
    return Conflict(f"There is a classifier {name!r} already; choose another name, or change that one.")


def _effects(before: ClassifierSpec, after: ClassifierSpec) -> dict[str, str]:
    fields = [name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)]
    effects = {name: _TAKES_EFFECT.get(name, TRAINING) for name in fields}
    if "classes" in effects and before.class_names == after.class_names:  # titles only
        effects["classes"] = AT_ONCE
    return effects


def _check_classes(before: ClassifierSpec, after: ClassifierSpec) -> None:
    """Conflict when a class goes, by another name or for good, that images, models or predictions depend on."""
    gone, name = set(before.class_names) - set(after.class_names), before.name
    if not gone:
        return
    check_idle(name)
    said = or_(Prediction.predicted_class.in_(gone), Prediction.label.in_(gone))
    depending = {
        "images": select(func.count()).where(Image.classifier == name, Image.label.in_(gone)),
        "model versions": select(func.count()).where(ModelVersion.classifier == name),
        "predictions": select(func.count()).where(Prediction.classifier == name, said),
    }
    for what, query in depending.items():
        if count := db.session.scalar(query):
            raise Conflict(
                f"{', '.join(sorted(gone))} cannot be renamed or removed: {count} {what} depend on it;"
                " its title can be changed, and classes can be added."
            )
