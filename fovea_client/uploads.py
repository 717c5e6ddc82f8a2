"""Images as they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
    """Return the parts of a form that sends files, which stay open until `opened` is closed, not in memory."""
    found: list[Part] = []
    for number, image in enumerate(images):
        if isinstance(image, bytes):
            # The service uses the suffix only to separate images from other files.
            found.append(("files", (f"image-{number}.jpg", image)))
        else:
            path = Path(image)
            found.append(("files", (path.name, opened.enter_context(path.open("rb")))))
    return found
