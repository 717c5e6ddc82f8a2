"""The surface that drawers share. A view spans [-1, 1] x [-1, 1], x to the right and y down, at any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.floating[Any]]  # float32 wherever it is large
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Colour = tuple[float, float, float]

WHITE: Colour = (1.0, 1.0, 1.0)
_SUBPIXEL_BITS = 4
_PAINT_SIDE = 640


@dataclass(frozen=True)
class Pose:
    """Where a subject's own frame lies in the view: scaled, mirrored in x, tilted by radians, then moved."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    tilt: float = 0.0
    mirror: float = 1.0

    def to_view(self, points: npt.ArrayLike) -> Floats:
        """Place points (..., 2) of the subject's frame in the view."""
        own = np.asarray(points, np.float64) * [self.scale * self.mirror, self.scale]
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        turned: Floats = own @ np.array([[cos, sin], [-sin, cos]]) + [self.x, self.y]
        return turned

    def grid(self, size: int) -> tuple[Image, Image]:
        """Return the subject's own x and y at the centre of every pixel, two (size, size) arrays."""
        axis = (np.arange(size, dtype=np.float32) * 2 + 1) / size - 1
        x, y = axis[None, :] - self.x, axis[:, None] - self.y
        cos, sin = math.cos(self.tilt) / self.scale, math.sin(self.tilt) / self.scale
        return (x * cos + y * sin) * self.mirror, y * cos - x * sin


class Canvas:
    """Supersampled paint in a pose's frame: grey on black, or RGB over a background. Colours are 0 to 1."""

    def __init__(self, size: int, pose: Pose, background: Image | None = None) -> None:
        self._size = size
        self._pose = pose
        self._side = size * min(4, max(1, round(_PAINT_SIDE / size)))
        if background is None:
            self._paint: Bytes = np.zeros((self._side, self._side), np.uint8)
        else:
            self._paint = np.asarray(cv2.resize(to_bytes(background), (self._side, self._side)), np.uint8)

    def fill(self, outline: npt.ArrayLike, colour: Colour = WHITE) -> None:
        """Paint a polygon (n, 2)."""
        self._polygon(self._pixels(outline), colour)

    def ellipse(
        self, centre: tuple[float, float], axes: tuple[float, float], colour: Colour = WHITE, tilt: float = 0
    ) -> None:
        """Paint an ellipse with the given half-axes."""
        self.fill(oval(centre, axes, tilt), colour)

    def stroke(self, path: Floats, width: npt.ArrayLike, colour: Colour = WHITE) -> None:
        """Paint a line through (n, 2) points with one width, or a width at each point."""
        self.strokes(path[None], np.broadcast_to(np.asarray(width, np.float64), (1, len(path))), colour)

    def strokes(self, paths: Floats, widths: Floats, colour: Colour = WHITE) -> None:
        """Paint lines (lines, n, 2) with widths (lines, n); a line ends where its width falls to 0."""
        along = np.gradient(paths, axis=1)
        across = np.stack([-along[..., 1], along[..., 0]], axis=2) / (np.linalg.norm(along, axis=2)[..., None] + 1e-9)
        half = across * widths[..., None] / 2
        left, right = self._pixels(paths + half), self._pixels(paths - half)
        ends = np.where((widths > 0).all(axis=1), widths.shape[1], (widths > 0).argmin(axis=1))
        for index, end in enumerate(ends):
            if end > 1:
                self._polygon(np.concatenate([left[index, :end], right[index, :end][::-1]]), colour)

    def read(self) -> Image:
        """Return what is painted so far, 0 to 1 at the view's size: (size, size), or (3, size, size)."""
        small = cv2.resize(self._paint, (self._size, self._size), interpolation=cv2.INTER_AREA)
        planes = small if small.ndim == 2 else np.stack(cv2.split(small))  # noqa: PLR2004  # grey
        return np.multiply(planes, 1 / 255, dtype=np.float32)

    def _pixels(self, points: npt.ArrayLike) -> npt.NDArray[np.int32]:
        scaled = (self._pose.to_view(points) + 1) * (self._side / 2) - 0.5
        return np.rint(scaled * (1 << _SUBPIXEL_BITS)).astype(np.int32)

    def _polygon(self, pixels: npt.NDArray[np.int32], colour: Colour) -> None:
        cv2.fillPoly(self._paint, [pixels], [round(channel * 255) for channel in colour], cv2.LINE_AA, _SUBPIXEL_BITS)


def oval(centre: tuple[float, float], axes: tuple[float, float], tilt: float = 0, corners: int = 40) -> Floats:
    """Return the outline of an ellipse."""
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    return Pose(*centre, tilt=tilt).to_view(np.stack([axes[0] * np.cos(turn), axes[1] * np.sin(turn)], axis=1))


def rounded(corners: Sequence[tuple[float, float]] | Floats, closed: bool = True, rounds: int = 3) -> Floats:
    """Draw a smooth curve along the corners by Chaikin's corner cutting; an open one keeps its ends."""
    points = np.asarray(corners, np.float64)
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        points = cut.reshape(-1, 2) if closed else np.concatenate([points[:1], cut[:-1].reshape(-1, 2), points[-1:]])
    return points


def to_bytes(image: Image) -> Bytes:
    """Turn planes (3, size, size) of 0 to 1, clipped, into uint8 RGB (size, size, 3)."""
    merged = cv2.merge([np.clip(plane, 0, 1) for plane in image])
    return np.asarray(cv2.convertScaleAbs(merged, alpha=255), np.uint8)
