"""Bodies of networks that several bundles share: each lies on the disk once, and every bundle has it under a name."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from app.store.staging import TEMPORARY_PREFIX, clear_files

FOLDER: Final = ".bodies"
SHARED: Final = "body.*"  # files of a bundle
LINKED: Final = 3600.0  # seconds that nobody needs to make a link


class Bodies:
    """Files by the SHA-256 of their content in `root`/.bodies, as further hard links to those of the bundles.

    A bundle stays whole: where a file system has no hard links, each has its own copy.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def share(self, bundle: Path) -> None:
        """Let a new bundle use the files that others have already, and others use its own."""
        for path in bundle.glob(SHARED):
            sha256 = _sha256(path)
            if not self.link(sha256, path):
                with suppress(OSError):  # no hard links here, or another process was faster
                    self._folder.mkdir(exist_ok=True)
                    (self._folder / sha256).hardlink_to(path)

    def link(self, sha256: str, path: Path) -> bool:
        """Put the file of this content at `path`, in place of what is there; False where there is none."""
        place, temporary = self._folder / sha256, self._folder / f"{TEMPORARY_PREFIX}{uuid4().hex}"
        try:
            if _sha256(place) != sha256:  # damaged: bundles that use it need another copy
                place.unlink()
                return False
            os.link(place, temporary)
        except OSError:
            return False
        temporary.replace(path)
        temporary.unlink(missing_ok=True)  # where both were the same file already, the system leaves both names
        return True

    def clear(self) -> None:
        """Remove what no bundle uses any more, and what a killed process left."""
        clear_files(self._folder, time.time() - LINKED)
        for path in self._folder.glob("*"):
            with suppress(OSError):
                if path.stat().st_nlink == 1:
                    path.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
