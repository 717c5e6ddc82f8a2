"""Draws distinct photographs, as large in pixels and in bytes as real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2

from app.drawing import MAX_SIZE, draw

IMAGES: Final = 8
WIDTHS: Final = (350, 1024, 4288)
# With it a drawing takes .11, .07 and .06 bytes a pixel at these widths. Public photographs of eyes: disc crops of 300
# to 500 pixels .09 to .19, photographs of 4288 x 2848 pixels (IDRiD) .02 to .07.
QUALITY: Final = 80


def write(folder: Path, width: int) -> None:
    """Write 0.jpg, 1.jpg, ... to a new folder; above the largest drawing they are enlarged."""
    folder.mkdir(parents=True)
    for number in range(IMAGES):
        bgr = cv2.cvtColor(draw("fundus_normal", number, min(width, MAX_SIZE)).image, cv2.COLOR_RGB2BGR)
        if width > MAX_SIZE:
            bgr = cv2.resize(bgr, (width, width * 2 // 3), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.jpg"), bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
