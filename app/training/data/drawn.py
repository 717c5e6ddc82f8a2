"""Images of a classifier's classes, drawn by Fovea."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.classifiers.spec import ClassifierSpec
from app.drawing import DRAWERS, draw
from app.errors import InvalidInput

SOURCE = "drawn"  # of these images in a dataset
SEEDS_APART = 1_000_000  # up to this many images, two seeds share no drawing
_NAME = re.compile(r"drawn-([a-z_]+)-(\d{1,18})\.jpg")


def drawn_names(spec: ClassifierSpec, count: int, seed: int) -> list[tuple[str, str]]:
    """Return (label, file name) of `count` drawings, the classes in turn.

    InvalidInput when Fovea cannot draw one of the classes.
    """
    for item in spec.classes:
        if item.drawing is None:
            raise InvalidInput(
                f"Fovea cannot draw the class {item.name} of {spec.name}; import photographs of it instead."
            )
    items = [spec.classes[index % len(spec.classes)] for index in range(count)]
    return [(item.name, f"drawn-{item.drawing}-{seed * SEEDS_APART + index}.jpg") for index, item in enumerate(items)]


def drawn_images(spec: ClassifierSpec, count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield (label, file name, JPEG bytes) of the drawings of `drawn_names`."""
    for label, name in drawn_names(spec, count, seed):
        yield label, name, redraw(name) or b""


def redraw(name: str) -> bytes | None:
    """Draw the image of a file name that `drawn_names` gave; None for any other name."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in DRAWERS:
        return None
    return draw(match[1], int(match[2])).jpeg()
