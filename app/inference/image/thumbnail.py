"""Small pictures for lists."""

from __future__ import annotations

import cv2

from app.inference.image.decode import decode

SIDE = 320  # pixels of the longer side


def thumbnail(data: bytes, side: int = SIDE) -> bytes:
    """Return a JPEG of the image whose longer side is at most `side` pixels."""
    pixels = decode(data, min_side=side).pixels
    scale = min(1.0, side / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
