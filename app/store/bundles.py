"""Model bundles in a shared storage, and the copies of them on this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from app.classifiers.card import CARD_NAME
from app.errors import NotFound, Unavailable
from app.store.files import staging, write_once
from app.store.remote import Remote

KIND: Final = "models"


class Bundles:
    """Bundles by the SHA-256 of their cards, which hold the checksums of all other files."""

    def __init__(self, remote: Remote, cards: Path) -> None:
        self._remote = remote
        self._cards = cards
        self._known: set[Path] = set()
        self._lock = Lock()

    def put(self, bundle: Path) -> str:
        """Store a bundle's files, the card last, so that half a bundle has no name; return its name."""
        for path in sorted(bundle.iterdir()):
            if path.name != CARD_NAME:
                self._remote.put_file(KIND, path)
        name = self._remote.put_file(KIND, bundle / CARD_NAME)
        write_once(self._cards / name, (bundle / CARD_NAME).read_bytes())
        return name

    def card(self, name: str) -> bytes:
        """Return a bundle's card; it is kept on this machine."""
        path = self._cards / name
        if not path.is_file():
            with _complaining():
                write_once(path, self._remote.read(KIND, name))
        return path.read_bytes()

    def is_known(self, folder: Path) -> bool:
        """Whether this process has seen that the folder holds the bundle it should, and it is still there."""
        return folder in self._known and folder.is_dir()

    def fetch(self, name: str | None, folder: Path) -> None:
        """See to it that `folder` holds the bundle, whole and checked; one without a name was never shared."""
        with self._lock:
            if name is not None and not self.is_known(folder):
                if _name(folder) != name:
                    self._replace(name, folder)
                self._known.add(folder)

    def _replace(self, name: str, folder: Path) -> None:
        card = self.card(name)
        with staging(folder.parent) as parts:
            new = parts / "new"
            new.mkdir()
            for file, sha256 in json.loads(card)["files"].items():
                with _complaining():
                    self._remote.fetch(KIND, sha256, new / Path(file).name)
            (new / CARD_NAME).write_bytes(card)
            if folder.exists():
                folder.rename(parts / "old")
            try:
                new.rename(folder)
            except OSError:
                if _name(folder) != name:  # otherwise another process was faster
                    raise


@contextmanager
def _complaining() -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise Unavailable("The storage lacks a part of this model; restore it from a backup.") from error


def _name(folder: Path) -> str | None:
    """The name of the bundle in a folder; None where there is none."""
    try:
        return hashlib.sha256((folder / CARD_NAME).read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
