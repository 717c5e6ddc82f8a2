"""The model registry: numbered versions of each classifier and the aliases that point at them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.classifiers.card import CARD_NAME, Card
from app.errors import Conflict, Damaged, NotFound, Unavailable
from app.store.audit_log import record
from app.store.bodies import Bodies
from app.store.bundles import Bundles
from app.store.db import db
from app.store.outbox import announce
from app.store.staging import moved_out, staging
from app.store.tables import AliasMove, Job, ModelVersion
from app.store.transaction import UnitOfWork, transaction

Alias = Literal["champion", "challenger"]
ALIASES: tuple[Alias, ...] = ("champion", "challenger")
REMOVED: Final = "removed"  # stands for an alias in the history, where a version was removed
MEND: Final = "restore it from a backup, or remove this version."


class Registry:
    """Bundles below `root/<classifier>/<version>/`, filled by `bundles`; rows and alias moves in the database."""

    def __init__(self, root: Path, bundles: Bundles) -> None:
        self.root = root
        self._bundles = bundles
        self._bodies = Bodies(root)
        self._names: dict[tuple[str, int], str | None] = {}  # in the shared storage; a version's never changes

    def staging(self, classifier: str) -> AbstractContextManager[Path]:
        """Give an empty folder to write a bundle into, on the file system of the bundles."""
        return staging(self.root / classifier)

    def register(self, classifier: str, bundle: Path, job_id: str | None = None) -> int:
        """Number the staged bundle, move it into place and record it; return its version, once for each job."""
        shared = self._bundles.publish(bundle)
        self._bodies.share(bundle)
        while True:
            known = {*self._on_disk(classifier), *self.versions(classifier), *removed_versions(classifier)}
            version = max(known, default=0) + 1
            place = self._place(classifier, version)
            try:
                bundle.rename(place)
            except OSError as error:
                if place.exists():
                    continue  # another process took the number; take the next
                raise Unavailable(f"The new model cannot be moved into place: {error.strerror}.") from error
            try:
                with transaction():
                    row = ModelVersion(classifier=classifier, version=version, job_id=job_id, bundle=shared)
                    db.session.add(row)
            except IntegrityError:  # another machine took the number, or has done this job
                place.rename(bundle)
                if job_id is not None and (done := self.by_job(job_id)) is not None:
                    return done
            else:
                return version

    @contextmanager
    def replaced(self, classifier: str, version: int, bundle: Path) -> Iterator[None]:
        """Move a bundle from `staging` into the place of a version; if the block raises, what was there comes back."""
        if (bundle / CARD_NAME).is_file():  # a backup keeps what there was
            self._bundles.publish(bundle)
        self._bodies.share(bundle)
        place = self._place(classifier, version)
        with moved_out(place, bundle.with_name("old")), moved_out(bundle, place):
            yield

    def adopt(self, classifier: str) -> list[int]:
        """Record the bundles on disk that no row knows; a classifier without champion gets the first of them."""
        rows, here = self.versions(classifier), sorted(self._on_disk(classifier))
        gone = removed_versions(classifier)
        found = [version for version in here if version not in rows and version not in gone]
        unshared = [version for version in here if version in rows and rows[version].bundle is None]
        names = {number: self._bundles.publish(self._place(classifier, number)) for number in [*unshared, *found]}
        for version in found:
            self._bodies.share(self._place(classifier, version))
        makers = self._makers(classifier, found)
        with suppress(IntegrityError), transaction():  # another process may adopt them at the same moment
            for version in unshared:
                rows[version].bundle = names[version]
            for version in found:
                row = ModelVersion(classifier=classifier, version=version, job_id=makers.get(version))
                row.bundle = names[version]
                db.session.add(row)
        self._names.clear()  # of what has been shared just now
        if found and self.alias(classifier, "champion") is None:
            with transaction() as unit:
                self.lock_aliases(unit, classifier)
                if self.alias(classifier, "champion") is None:  # another process may do so, too
                    _point(classifier, "champion", found[0], "First bundle found.")
        return found

    def versions(self, classifier: str) -> dict[int, ModelVersion]:
        """Return the rows of a classifier's versions by number."""
        query = select(ModelVersion).where(ModelVersion.classifier == classifier).order_by(ModelVersion.version)
        return {row.version: row for row in db.session.scalars(query)}

    def by_job(self, job_id: str) -> int | None:
        """Return the version that a job made, if it got that far."""
        return db.session.scalar(select(ModelVersion.version).where(ModelVersion.job_id == job_id))

    def record_verdict(self, classifier: str, version: int, verdict: Mapping[str, Any]) -> None:
        """Keep the promotion gate's verdict with the version."""
        with transaction():
            db.session.get_one(ModelVersion, (classifier, version)).verdict = dict(verdict)

    def folder(self, classifier: str, version: int) -> Path:
        """Return the bundle's folder, fetched if it is not here; NotFound when the version does not exist."""
        folder = self._place(classifier, version)
        self._bundles.fetch(folder, partial(self._name, classifier, version))
        if not (folder / CARD_NAME).is_file():
            raise _unknown(classifier, version)
        return folder

    def prepare(self, classifier: str, version: int) -> None:
        """Look up what `folder` needs of the database, so that it can then be called in any thread.

        NotFound when the version is neither in the database nor on this machine.
        """
        if (classifier, version) not in self._names:
            row = db.session.get(ModelVersion, (classifier, version))
            if row is None and not self._place(classifier, version).exists():
                raise _unknown(classifier, version)
            self._names[classifier, version] = None if row is None else row.bundle

    def card(self, classifier: str, version: int) -> Card:
        """Read a version's card; its bundle is not fetched for that."""
        find_name = partial(self._name, classifier, version)
        try:
            return Card.model_validate_json(self._bundles.card(self._place(classifier, version), find_name))
        except FileNotFoundError as error:
            raise _unknown(classifier, version) from error
        except (ValidationError, OSError) as error:
            raise Damaged(f"The card of {classifier} version {version} is damaged; roll back or retrain.") from error

    def problem(self, classifier: str, version: int) -> str | None:
        """Say what is wrong with a version's bundle, as far as that shows without reading its networks."""
        try:
            card = self.card(classifier, version)
        except NotFound:
            return f"The files of {classifier} version {version} are missing; {MEND}"
        except Damaged as error:
            return f"{str(error).partition(';')[0]}; {MEND}"
        missing = self._bundles.lacking(self._place(classifier, version), card.files)
        return f"{classifier} version {version} lacks {', '.join(missing)}; {MEND}" if missing else None

    def alias(self, classifier: str, alias: Alias) -> int | None:
        """Return the version an alias points at."""
        moves = select(AliasMove.version).where(AliasMove.classifier == classifier, AliasMove.alias == alias)
        return db.session.scalar(moves.order_by(AliasMove.id.desc()).limit(1))

    def champion(self, classifier: str) -> int:
        """Return the version that serves; NotFound when none does yet."""
        version = self.alias(classifier, "champion")
        if version is None:
            raise NotFound(f"{classifier} has no trained model yet; upload images of each class, then train one.")
        return version

    def move(self, classifier: str, alias: Alias, version: int | None, reason: str) -> None:
        """Point an alias at a version, or at none. A version that becomes champion is challenger no more."""
        if version is not None:
            self.folder(classifier, version)
        with transaction() as unit:
            self.lock_aliases(unit, classifier)
            if version in removed_versions(classifier):  # a moment ago
                raise _unknown(classifier, version)
            _point(classifier, alias, version, reason)
            if alias == "champion" and version is not None and self.alias(classifier, "challenger") == version:
                _point(classifier, "challenger", None, reason)

    @staticmethod
    def lock_aliases(unit: UnitOfWork, classifier: str) -> None:
        """Let nobody else move the classifier's aliases before this transaction ends: call it before reading them."""
        unit.lock(f"aliases {classifier}")

    def moves(self, classifier: str) -> list[AliasMove]:
        """Return every move of the classifier's aliases, the newest first."""
        query = select(AliasMove).where(AliasMove.classifier == classifier).order_by(AliasMove.id.desc())
        return list(db.session.scalars(query))

    def served(self, classifier: str) -> list[int]:
        """Return the versions whose promotions still stand, in order: the last one serves, or shall."""
        found: list[int] = []
        for move in reversed(self.moves(classifier)):
            if move.alias != "champion" or move.version is None:
                continue
            if move.undo:  # back to the last time that this version served
                while found and found[-1] != move.version:
                    found.pop()
            if found[-1:] != [move.version]:
                found.append(move.version)
        gone = removed_versions(classifier)
        return [version for version, _ in groupby(version for version in found if version not in gone)]

    def rollback(self, classifier: str, reason: str) -> int:
        """Undo the last promotion that still stands; return the version that serves again."""
        with transaction() as unit:
            self.lock_aliases(unit, classifier)
            served = self.served(classifier)
            if len(served) < 2:  # noqa: PLR2004 - the present one and the one before
                raise Conflict(f"{classifier} has no promotion left to undo; promote the version that should serve.")
            _point(classifier, "champion", served[-2], reason, undo=True)
        return served[-2]

    def remove(self, classifier: str, version: int, reason: str) -> None:
        """Remove a version, whose number is never given again; Conflict when an alias points at it.

        Its folder leaves first, so that nobody finds a bundle without a row. A bucket keeps the bundle's files, which
        other versions and machines may share.
        """
        with staging(self.root / classifier) as trash, ExitStack() as moved, transaction() as unit:
            self.lock_aliases(unit, classifier)
            row = self.versions(classifier).get(version)
            if row is None:
                raise _unknown(classifier, version)
            for alias in ALIASES:
                if self.alias(classifier, alias) == version:
                    raise Conflict(f"{classifier} {version} is the {alias}; give another version its place first.")
            db.session.delete(row)
            db.session.add(AliasMove(classifier=classifier, alias=REMOVED, version=version, reason=reason))
            record("version.removed", classifier, version=version, reason=reason)
            moved.enter_context(moved_out(self._place(classifier, version), trash / "removed"))
        self._names.pop((classifier, version), None)
        self._bodies.clear()

    def _makers(self, classifier: str, versions: Iterable[int]) -> dict[int, str]:
        """Return the job of this database that made each bundle, once, and where no row says so."""
        makers: dict[int, str] = {}
        for version in versions:
            with suppress(ValidationError):  # a damaged card names nobody
                path = self._place(classifier, version) / CARD_NAME
                job_id = Card.model_validate_json(path.read_bytes()).job
                known = job_id is None or job_id in makers.values() or self.by_job(job_id) is not None
                if not known and db.session.get(Job, job_id) is not None:
                    makers[version] = str(job_id)
        return makers

    def _place(self, classifier: str, version: int) -> Path:
        return self.root / classifier / str(version)

    def _name(self, classifier: str, version: int) -> str | None:
        self.prepare(classifier, version)
        return self._names.get((classifier, version))

    def _on_disk(self, classifier: str) -> list[int]:
        folders = (self.root / classifier).glob(f"*/{CARD_NAME}")
        return [int(path.parent.name) for path in folders if path.parent.name.isdecimal()]


def removed_versions(classifier: str) -> set[int]:
    """Return the numbers of the versions that were removed."""
    removed = select(AliasMove.version).where(AliasMove.classifier == classifier, AliasMove.alias == REMOVED)
    return {version for version in db.session.scalars(removed) if version is not None}


def _unknown(classifier: str, version: int) -> NotFound:
    return NotFound(f"{classifier} has no model version {version}; see /api/models for those it has.")


def _point(classifier: str, alias: Alias, version: int | None, reason: str, *, undo: bool = False) -> None:
    """Record the move of an alias and tell the webhook, in the present transaction."""
    db.session.add(AliasMove(classifier=classifier, alias=alias, version=version, reason=reason, undo=undo))
    record("alias.moved", classifier, alias=alias, version=version, reason=reason)
    announce("alias.moved", classifier=classifier, alias=alias, version=version, reason=reason)
