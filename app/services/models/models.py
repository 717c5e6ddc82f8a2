"""The models: what there is, what serves, and moving the aliases."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from sqlalchemy import select

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.errors import Conflict, Damaged, NotFound
from app.services.jobs.transitions import ACTIVE
from app.services.models.card import model_card
from app.services.models.document import Document
from app.store.audit_log import record
from app.store.db import db
from app.store.registry import ALIASES, Registry
from app.store.tables import Job
from app.training.networks.backbones import usual

HEADLINES = ("accuracy", "balanced_accuracy", "quadratic_kappa", "macro_f1", "auroc", "ece", "n")


class Models:
    """The model use cases."""

    def __init__(self, catalog: Catalog, registry: Registry, weights_dir: Path | None) -> None:
        self._catalog = catalog
        self._registry = registry
        self._weights_dir = weights_dir

    def classifiers(self) -> list[dict[str, Any]]:
        """Return each classifier's spec, the version that serves, and what a training run takes by default."""
        return [
            spec.model_dump(mode="json")
            | {
                "champion": self._registry.alias(name, "champion"),
                "usual": dict(zip(("backbone", "mode"), usual(spec.training, self._weights_dir), strict=True)),
            }
            for name, spec in self._catalog.items()
        ]

    def versions(self, classifier: str | None = None) -> list[dict[str, Any]]:
        """Return a summary of every version, of one classifier or of all, the newest first."""
        names = [self._catalog[classifier].name] if classifier else list(self._catalog)
        return [summary for name in names for summary in self._summaries(name)]

    def card(self, classifier: str, version: int) -> Card:
        """Return a version's card."""
        self._catalog[classifier]
        return self._registry.card(classifier, version)

    def verdict(self, classifier: str, version: int) -> dict[str, Any] | None:
        """Return what the promotion gate decided on a version, and why; None where it never judged it."""
        row = self._registry.versions(classifier).get(version)
        return None if row is None else row.verdict

    def bundle(self, classifier: str, version: int) -> Path:
        """Return the folder of a version's bundle, for a download, which the audit log keeps."""
        self._catalog[classifier]
        folder = self._registry.folder(classifier, version)
        record("version.downloaded", classifier, version=version)
        return folder

    @staticmethod
    def pack(folder: Path, name: str) -> IO[bytes]:
        """Return the files of a folder as a zip archive, in a temporary file, inside a folder `name`."""
        packed = TemporaryFile()  # noqa: SIM115 - the caller's
        with zipfile.ZipFile(packed, "w") as archive:  # weights do not shrink
            for path in sorted(folder.iterdir()):
                archive.write(path, f"{name}/{path.name}")
        packed.seek(0)
        return packed

    def document(self, classifier: str, version: int | None = None) -> Document:
        """Return the model card of a version, by default of the one that serves."""
        if version is None:
            version, card = self.champion_card(classifier)
        else:
            card = self.card(classifier, version)
        return model_card(card, version, self.verdict(classifier, version), self.moves(classifier))

    def champion_card(self, classifier: str) -> tuple[int, Card]:
        """Return the version that serves and its card."""
        self._catalog[classifier]
        version = self._registry.champion(classifier)
        return version, self._registry.card(classifier, version)

    def remove(self, classifier: str, version: int, reason: str) -> None:
        """Remove a version for good; Conflict while it serves, is the challenger, or a job needs it."""
        self._catalog[classifier]
        row = self._registry.versions(classifier).get(version)
        active = select(Job).where(Job.classifier == classifier, Job.status.in_(ACTIVE))
        for job in db.session.scalars(active):
            if row is not None and (job.id == row.job_id or job.params.get("model_version") == version):
                raise Conflict(f"The job {job.id} needs {classifier} {version}; wait for its end, or cancel it.")
        self._registry.remove(classifier, version, reason)

    def promote(self, classifier: str, version: int, reason: str) -> int:
        """Make a version the champion."""
        self._catalog[classifier]
        self._registry.move(classifier, "champion", version, reason)
        return version

    def rollback(self, classifier: str, reason: str) -> int:
        """Undo the last promotion; return the version that serves again."""
        self._catalog[classifier]
        return self._registry.rollback(classifier, reason)

    def moves(self, classifier: str) -> list[dict[str, Any]]:
        """Return the history of the aliases, the newest first."""
        return [
            {
                "alias": move.alias,
                "version": move.version,
                "reason": move.reason,
                "actor": move.actor,
                "at": move.created_at.isoformat(),
            }
            for move in self._registry.moves(classifier)
        ]

    def _summaries(self, classifier: str) -> list[dict[str, Any]]:
        aliases = {alias: self._registry.alias(classifier, alias) for alias in ALIASES}
        rows = self._registry.versions(classifier)
        problems = {version: self._registry.problem(classifier, version) for version in rows}
        return [
            {
                "classifier": classifier,
                "version": version,
                "aliases": [alias for alias, target in aliases.items() if target == version],
                "verdict": row.verdict,
                "job_id": row.job_id,
                "problem": problems[version],
                "created_at": row.created_at.isoformat(),
                **self._of_card(classifier, version),
            }
            for version, row in sorted(rows.items(), reverse=True)
        ]

    def _of_card(self, classifier: str, version: int) -> dict[str, Any]:
        """Return what a version's card says; nothing where it cannot be read."""
        try:
            return _summary(self._registry.card(classifier, version))
        except (NotFound, Damaged):
            return _UNREADABLE


_UNREADABLE: Final[dict[str, Any]] = {
    "backbone": None, "mode": None, "demo": False, "parameters": None, "metrics": dict.fromkeys(HEADLINES),
    "notice": None,
}  # fmt: skip


def _summary(card: Card) -> dict[str, Any]:
    return {
        "backbone": card.backbone,
        "mode": card.mode,
        "demo": card.demo,
        "created_at": card.created_at.isoformat(),
        "parameters": card.parameters,
        "metrics": {name: card.metrics.get(name) for name in HEADLINES},
        "notice": card.notice,
    }
