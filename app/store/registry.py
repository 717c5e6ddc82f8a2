"""The model registry: numbered versions of each classifier and the aliases that point at them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.classifiers.card import CARD_NAME, Card
from app.errors import Conflict, NotFound, Unavailable
from app.store.db import db
from app.store.files import staging
from app.store.tables import AliasMove, ModelVersion

Alias = Literal["champion", "challenger"]
ALIASES: tuple[Alias, ...] = ("champion", "challenger")


class Registry:
    """Bundles below `root/<classifier>/<version>/`; rows and alias moves in the database."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def staging(self, classifier: str) -> AbstractContextManager[Path]:
        """Give an empty folder to write a bundle into, on the file system of the bundles."""
        return staging(self.root / classifier)

    def register(self, classifier: str, bundle: Path, job_id: str | None = None) -> int:
        """Number the staged bundle, move it into place and record it; return its version."""
        while True:
            version = max([0, *self._on_disk(classifier), *self.versions(classifier)]) + 1
            try:
                bundle.rename(self.root / classifier / str(version))
            except OSError as error:
                if (self.root / classifier / str(version)).exists():
                    continue  # another process took the number; take the next
                raise Unavailable(f"The new model cannot be moved into place: {error.strerror}.") from error
            db.session.add(ModelVersion(classifier=classifier, version=version, job_id=job_id))
            db.session.commit()
            return version

    def adopt(self, classifier: str) -> list[int]:
        """Record the bundles on disk that no row knows; a classifier without champion gets the first of them."""
        found = sorted(set(self._on_disk(classifier)) - set(self.versions(classifier)))
        for version in found:
            db.session.add(ModelVersion(classifier=classifier, version=version))
        try:
            db.session.commit()
        except IntegrityError:  # another process adopted them at the same moment
            db.session.rollback()
        if found and self.alias(classifier, "champion") is None:
            self.move(classifier, "champion", found[0], "First bundle found.")
        return found

    def versions(self, classifier: str) -> dict[int, ModelVersion]:
        """Return the rows of a classifier's versions by number."""
        query = select(ModelVersion).where(ModelVersion.classifier == classifier).order_by(ModelVersion.version)
        return {row.version: row for row in db.session.scalars(query)}

    def by_job(self, job_id: str) -> int | None:
        """Return the version that a job made, if it got that far."""
        return db.session.scalar(select(ModelVersion.version).where(ModelVersion.job_id == job_id))

    def judge(self, classifier: str, version: int, verdict: Mapping[str, Any]) -> None:
        """Keep the promotion gate's verdict with the version."""
        row = db.session.get_one(ModelVersion, (classifier, version))
        row.verdict = dict(verdict)
        db.session.commit()

    def folder(self, classifier: str, version: int) -> Path:
        """Return the bundle's folder; NotFound when the version does not exist."""
        folder = self.root / classifier / str(version)
        if not (folder / CARD_NAME).is_file():
            raise NotFound(f"{classifier} has no model version {version}; see /api/models for those it has.")
        return folder

    def card(self, classifier: str, version: int) -> Card:
        """Read a version's card."""
        path = self.folder(classifier, version) / CARD_NAME
        try:
            return Card.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise Unavailable(
                f"The card of {classifier} version {version} is damaged; roll back or retrain."
            ) from error

    def alias(self, classifier: str, alias: Alias) -> int | None:
        """Return the version an alias points at."""
        moves = select(AliasMove.version).where(AliasMove.classifier == classifier, AliasMove.alias == alias)
        return db.session.scalar(moves.order_by(AliasMove.id.desc()).limit(1))

    def champion(self, classifier: str) -> int:
        """Return the version that serves; NotFound when none does yet."""
        version = self.alias(classifier, "champion")
        if version is None:
            raise NotFound(f"{classifier} has no trained model yet; upload images and call /api/retrain.")
        return version

    def move(self, classifier: str, alias: Alias, version: int | None, reason: str) -> None:
        """Point an alias at a version, or at none. A version that becomes champion is challenger no more."""
        if version is not None:
            self.folder(classifier, version)
        db.session.add(AliasMove(classifier=classifier, alias=alias, version=version, reason=reason))
        if alias == "champion" and version is not None and self.alias(classifier, "challenger") == version:
            db.session.add(AliasMove(classifier=classifier, alias="challenger", version=None, reason=reason))
        db.session.commit()

    def moves(self, classifier: str) -> list[AliasMove]:
        """Return every move of the classifier's aliases, the newest first."""
        query = select(AliasMove).where(AliasMove.classifier == classifier).order_by(AliasMove.id.desc())
        return list(db.session.scalars(query))

    def rollback(self, classifier: str, reason: str) -> int:
        """Undo the last promotion that still stands; return the version that serves again."""
        served: list[int] = []
        for move in reversed(self.moves(classifier)):
            if move.alias == "champion" and move.undo:
                served.pop()
            elif move.alias == "champion" and move.version is not None and served[-1:] != [move.version]:
                served.append(move.version)
        if len(served) < 2:  # noqa: PLR2004 - the present one and the one before
            raise Conflict(f"{classifier} has no promotion left to undo; promote the version that should serve.")
        db.session.add(AliasMove(classifier=classifier, alias="champion", version=served[-2], reason=reason, undo=True))
        db.session.commit()
        return served[-2]

    def _on_disk(self, classifier: str) -> list[int]:
        folders = (self.root / classifier).glob(f"*/{CARD_NAME}")
        return [int(path.parent.name) for path in folders if path.parent.name.isdecimal()]
