"""Where model bundles are: in a folder of this machine, or in a bucket with copies in that folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from app.classifiers.card import CARD_NAME
from app.errors import Damaged, NotFound
from app.store.bodies import Bodies
from app.store.remote import Remote
from app.store.staging import staging, write_once

KIND: Final = "models"
FindName = Callable[[], str | None]


class Bundles(Protocol):
    """Gives the folders of bundles their content. `find_name` looks up the name that `publish` gave."""

    def publish(self, bundle: Path) -> str | None:
        """Let other machines have a bundle; return its name there, None where bundles are not shared."""

    def fetch(self, folder: Path, find_name: FindName) -> None:
        """See to it that `folder` holds the bundle, whole and checked, if there is one."""

    def card(self, folder: Path, find_name: FindName) -> bytes:
        """Return a bundle's card, without fetching the bundle; FileNotFoundError when there is none."""

    def lacking(self, folder: Path, names: Iterable[str]) -> list[str]:
        """Return which of a bundle's files are missing, as far as that can be told without fetching it."""


class LocalBundles(Bundles):
    """Bundles that lie in their folders on this machine only."""

    def publish(self, bundle: Path) -> str | None:  # noqa: ARG002, D102 - as in Bundles
        return None

    def fetch(self, folder: Path, find_name: FindName) -> None:
        """Do nothing: it is there or nowhere."""

    def card(self, folder: Path, find_name: FindName) -> bytes:  # noqa: ARG002, D102 - as in Bundles
        return (folder / CARD_NAME).read_bytes()

    def lacking(self, folder: Path, names: Iterable[str]) -> list[str]:  # noqa: D102 - as in Bundles
        return [name for name in names if not (folder / name).is_file()]


class BucketBundles(Bundles):
    """Bundles in a bucket, by the SHA-256 of their cards, which hold the checksums of all other files.

    The folders are copies, and so are the cards in `cards`.
    """

    def __init__(self, remote: Remote, cards: Path) -> None:
        self._remote = remote
        self._cards = cards
        self._known: set[Path] = set()  # folders that this process has seen to hold the bundle they should
        self._lock = Lock()

    def publish(self, bundle: Path) -> str | None:
        """Store a bundle's files, the card last, so that half a bundle has no name; return its name."""
        for path in sorted(bundle.iterdir()):
            if path.name != CARD_NAME:
                self._remote.put_file(KIND, path)
        name = self._remote.put_file(KIND, bundle / CARD_NAME)
        write_once(self._cards / name, (bundle / CARD_NAME).read_bytes())
        return name

    def fetch(self, folder: Path, find_name: FindName) -> None:  # noqa: D102 - as in Bundles
        if self._holds(folder):
            return
        name = find_name()
        with self._lock:
            if name is not None and not self._holds(folder):
                if _name(folder) != name:
                    self._replace(name, folder)
                self._known.add(folder)

    def card(self, folder: Path, find_name: FindName) -> bytes:
        """Return a bundle's card; it is kept on this machine."""
        name = find_name()
        return (folder / CARD_NAME).read_bytes() if name is None else self._card(name)

    def lacking(self, folder: Path, names: Iterable[str]) -> list[str]:  # noqa: ARG002, D102 - as in Bundles
        return []  # a bucket tells when the bundle is fetched

    def _holds(self, folder: Path) -> bool:
        return folder in self._known and folder.is_dir()

    def _card(self, name: str) -> bytes:
        path = self._cards / name
        if not path.is_file():
            with _complaining():
                write_once(path, self._remote.read(KIND, name))
        return path.read_bytes()

    def _replace(self, name: str, folder: Path) -> None:
        card, bodies = self._card(name), Bodies(folder.parent.parent)
        with staging(folder.parent) as parts:
            new = parts / "new"
            new.mkdir()
            for file, sha256 in json.loads(card)["files"].items():
                target = new / Path(file).name
                if not bodies.link(sha256, target):
                    with _complaining():
                        self._remote.fetch(KIND, sha256, target)
            (new / CARD_NAME).write_bytes(card)
            bodies.share(new)
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
        raise Damaged("The storage lacks a part of this model; restore it from a backup.") from error


def _name(folder: Path) -> str | None:
    """The name of the bundle in a folder; None where there is none."""
    try:
        return hashlib.sha256((folder / CARD_NAME).read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
