"""One file that holds everything: the rows of the database, the model bundles and the images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import orjson
from sqlalchemy import Connection

from app.errors import Conflict, Damaged, InvalidInput, NotFound
from app.store import dump, migrations, sealed
from app.store.audit_log import record
from app.store.db import now
from app.store.files import Files
from app.store.registry import Registry
from app.training.progress import Progress

ORIGIN: Final = "fovea.json"
_BUNDLE: Final = re.compile(r"models/([a-z0-9_]+)/([1-9][0-9]*)/(?!\.)[^/]+")
_IMAGE: Final = re.compile(r"images/([0-9a-f]{64})")


@dataclass
class Amount:
    """How much was written or put back."""

    rows: int = 0
    bundles: int = 0
    images: int = 0
    missing: list[str] = field(default_factory=list)  # what a backup lacks, each in a sentence


class Backup:
    """The backup use cases."""

    def __init__(self, files: Files, registry: Registry) -> None:
        self._files = files
        self._registry = registry

    def save(self, target: Path, progress: Progress) -> Amount:
        """Write everything as it is at this moment to the new file `target`; the product may go on meanwhile.

        The rows are those of one moment; what they refer to was stored before them, and is copied after them.
        """
        amount = Amount()
        with sealed.create(target) as archive:
            with dump.snapshot() as connection:
                revision = migrations.revision_of(connection)
                if revision is None:
                    raise Conflict("The database is not of this Fovea yet; run 'flask init' first.")
                origin = {"revision": revision, "created_at": now().isoformat()}
                archive.add(ORIGIN, [orjson.dumps(origin)])
                amount.rows = _save_rows(connection, archive, progress)
                bundles = dump.bundles(connection)
            for amount.bundles, (classifier, version) in enumerate(bundles, start=1):
                amount.missing += self._save_bundle(classifier, version, archive)
                progress("models", amount.bundles, len(bundles))
            amount.images, broken = self._save_images(archive, progress)
            amount.missing += broken
        record("backup.saved", target.name, images=amount.images)
        return amount

    def load(self, source: Path, force: bool, progress: Progress) -> Amount:
        """Put back what `save` wrote, into the database and the storage of the settings, whichever they are.

        The whole file is checked before anything is changed; rows and bundles then change together, or not at all.
        Conflict when there are rows already, unless `force`: they are replaced. Bundles and images that are not in the
        file stay.
        """
        with sealed.opened(source, progress) as archive, ExitStack() as undo:
            revision = _check(source, archive)
            with dump.snapshot() as connection:
                if not force and any(dump.count(connection, table) for table in dump.tables(connection)):
                    raise Conflict("The database is not empty; --force replaces all that it holds.")
            staged = [undo.enter_context(self._staged(archive, *each)) for each in _bundles(archive).items()]
            amount = Amount(images=self._load_images(archive, progress))
            with migrations.emptied(revision) as connection:
                amount.rows = _load_rows(connection, archive, progress)
                for amount.bundles, bundle in enumerate(staged, start=1):
                    undo.enter_context(self._registry.replaced(*bundle))
                    progress("models", amount.bundles, len(staged))
        record("backup.restored", source.name, images=amount.images)
        return amount

    def _save_bundle(self, classifier: str, version: int, archive: sealed.Writer) -> list[str]:
        """Write what there is of a version; return what is wrong with it, and go on."""
        try:
            folder, found = self._registry.folder(classifier, version), {}
            for path in sorted(folder.iterdir()):
                with path.open("rb") as file:
                    found[path.name] = archive.add(f"models/{classifier}/{version}/{path.name}", sealed.pieces(file))
            files = self._registry.card(classifier, version).files
        except (NotFound, Damaged, FileNotFoundError):  # removed meanwhile, or long ago
            problem = self._registry.problem(classifier, version)
            return [problem or f"{classifier} version {version} was removed meanwhile."]
        wrong = [name for name, sha256 in files.items() if found.get(name) != sha256]
        return [f"{classifier} version {version}: missing or damaged are {', '.join(wrong)}."] if wrong else []

    def _save_images(self, archive: sealed.Writer, progress: Progress) -> tuple[int, list[str]]:
        """Write the images; return how many, and which are not what was stored: they could not be put back."""
        stored = [image.sha256 for image in self._files.stored()]
        saved, broken = 0, []
        for done, sha256 in enumerate(stored, start=1):
            try:
                data = self._files.read(sha256)
            except NotFound:  # its time came meanwhile
                continue
            if hashlib.sha256(data).hexdigest() == sha256:
                archive.add(f"images/{sha256}", [data])
                saved += 1
            else:
                broken.append(f"The image {sha256} is damaged; send it again.")
            progress("images", done, len(stored))
        return saved, broken

    @contextmanager
    def _staged(
        self, archive: ZipFile, version: tuple[str, int], names: Sequence[str]
    ) -> Iterator[tuple[str, int, Path]]:
        """Write a bundle's files beside the bundles, for as long as the block takes."""
        classifier, number = version
        with self._registry.staging(classifier) as folder:
            bundle = folder / "bundle"
            bundle.mkdir()
            for name in names:
                with archive.open(name) as file, (bundle / name.rpartition("/")[2]).open("wb") as copy:
                    copy.writelines(sealed.pieces(file))
            yield classifier, number, bundle

    def _load_images(self, archive: ZipFile, progress: Progress) -> int:
        names = [name for name in archive.namelist() if _IMAGE.fullmatch(name)]
        for done, name in enumerate(names, start=1):
            with archive.open(name) as file:
                self._files.put_pieces(sealed.pieces(file))
            progress("images", done, len(names))
        return len(names)


def _check(source: Path, archive: ZipFile) -> str:
    """Return the revision of the rows; an error when this Fovea cannot read them, or an image has a wrong name."""
    try:
        revision = str(orjson.loads(archive.read(ORIGIN))["revision"])
        checksums = sealed.checksums(archive)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{source} is no backup of Fovea; take another one.") from error
    migrations.check_known(revision)
    for name, sha256 in checksums.items():
        if (image := _IMAGE.fullmatch(name)) and image[1] != sha256:
            raise InvalidInput(f"{name} in the backup is not the image that it is named after.")
    return revision


def _bundles(archive: ZipFile) -> dict[tuple[str, int], list[str]]:
    """Return the members of each model version."""
    found: dict[tuple[str, int], list[str]] = {}
    for name in archive.namelist():
        if parts := _BUNDLE.fullmatch(name):
            found.setdefault((parts[1], int(parts[2])), []).append(name)
    return found


def _save_rows(connection: Connection, archive: sealed.Writer, progress: Progress) -> int:
    tables = dump.tables(connection)
    count = 0
    for done, table in enumerate(tables, start=1):
        archive.add(f"tables/{table.name}", dump.write(connection, table), compress=True)
        count += dump.count(connection, table)
        progress("rows", done, len(tables))
    return count


def _load_rows(connection: Connection, archive: ZipFile, progress: Progress) -> int:
    tables = dump.tables(connection)
    count = 0
    for done, table in enumerate(tables, start=1):
        with archive.open(f"tables/{table.name}") as lines:
            count += dump.read(connection, table, lines)
        progress("rows", done, len(tables))
    return count
