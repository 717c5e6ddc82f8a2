"""Images as they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TypeAlias

Image: TypeAlias = str | os.PathLike[str] | bytes
Part: TypeAlias = tuple[str, tuple[str, bytes | IO[bytes]]]


def read(image: Image) -> tuple[str, bytes]:
    """Return an image's file name and bytes; of bytes the name is empty."""
    if isinstance(image, bytes):
        return "", image
    path = Path(image)
    return path.name, path.read_bytes()


def parts(images: Iterable[Image], opened: ExitStack) -> list[Part]:
    """Return the parts of a form that sends files, which stay open until `opened` is closed, not in memory.

    A file's name has the folders below the nearest one that all of them share.
    """
    sent, found = list(images), list[Part]()
    names = _names([Path(image) for image in sent if not isinstance(image, bytes)])
    for number, image in enumerate(sent):
        if isinstance(image, bytes):
            # The service uses the suffix only to separate images from other files.
            found.append(("files", (f"image-{number}.jpg", image)))
        else:
            path = Path(image)
            found.append(("files", (names[path], opened.enter_context(path.open("rb")))))
    return found


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return what each file is called: its path below the nearest folder that all of them share."""
    whole = {path: Path(os.path.normpath(path.absolute())) for path in paths}
    folder = os.path.commonpath([path.parent for path in whole.values()]) if whole else ""
    return {path: place.relative_to(folder).as_posix() for path, place in whole.items()}
