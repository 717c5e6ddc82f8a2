"""What a drawer returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2

from app.drawing.canvas import Bytes, Mask

HALF = 0.5  # a pixel belongs to a mask when more than half of it is covered


@dataclass(frozen=True)
class Drawing:
    """A drawn photograph and its truth.

    `image`: RGB uint8 (size, size, 3). `mask`: bool (size, size), where the evidence for the class lies,
    empty when there is none. `facts`: what was drawn, in numbers, such as `cup_to_disc`.
    """

    image: Bytes
    subject: str
    mask: Mask
    facts: Mapping[str, float] = field(default_factory=dict)

    def jpeg(self, quality: int = 92) -> bytes:
        """Encode the image as a JPEG file."""
        bgr = cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
