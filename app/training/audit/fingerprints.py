"""Fingerprints of images: facts about the file, a descriptor, and the fine structure in 96 x 96 values.

A fingerprint has a fixed size. It is computed once for each image and kept by content, which bounds memory and time.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats, Integers, Pixels
from app.inference.image.decode import decode
from app.inference.image.preprocess import find_retina

FORMAT: Final = "look-1"  # names the kept files; change it whenever a fingerprint is computed differently
SIDE: Final = 96
RADIUS: Final = 0.86 * SIDE / 2  # of the disc that is compared: a fundus photograph's rim is the same in all
HIDDEN: Final = -128  # where the band has no value: outside the disc, black surround, burnt out
UNIT: Final = 40.0  # steps of the band's integers in one standard deviation
FILE: Final = ("width", "height", "aspect", "bytes_per_pixel")
FRAME: Final = ("border", "fill", "top", "bottom", "left", "right", "corner", "corner_noise")
LIGHT: Final = ("red", "green", "blue", "contrast", "sharpness")
FACTS: Final = (*FILE, *FRAME, *LIGHT)
_FINE, _COARSE, _LOCAL = 0.75, 4.0, 8.0  # standard deviations of the smoothing, in pixels
_BLACK, _WHITE = 8, 250
_CELLS, _BINS, _COLOURS = 6, 8, 12
DESCRIPTOR: Final = _CELLS * _CELLS * _BINS + 3 * _COLOURS

FINGERPRINT: Final = np.dtype(
    [("facts", np.float32, len(FACTS)), ("descriptor", np.float16, DESCRIPTOR), ("band", np.int8, (SIDE, SIDE))]
)
Fingerprints = NDArray[Any]  # (n,) of FINGERPRINT
_Y, _X = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
_DISC: Final = np.hypot(_X, _Y) < RADIUS + 1


def compute(data: bytes) -> bytes:
    """Return the fingerprint of an image file as bytes of FINGERPRINT; InvalidInput when it cannot be read."""
    decoded = decode(data, min_side=2 * SIDE)
    found = np.zeros((), FINGERPRINT)
    small = _fit(decoded.pixels)
    found["facts"] = _facts(small, decoded.width, decoded.height, len(data))
    square = _square(decoded.pixels)
    found["descriptor"] = _descriptor(square)
    found["band"] = _band(square)
    return found.tobytes()


def read(prints: list[bytes]) -> Fingerprints:
    """Return fingerprints (n,) of FINGERPRINT from their bytes."""
    return np.frombuffer(b"".join(prints), FINGERPRINT)


def _fit(rgb: Pixels) -> Pixels:
    """A copy whose shorter side is twice SIDE, so that its sharpness does not depend on the scale of decoding."""
    scale = 2 * SIDE / min(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _square(rgb: Pixels) -> Pixels:
    """The retina, or all of the image, stretched to a square, so that a squashed copy matches its original."""
    return np.asarray(cv2.resize(rgb[find_retina(rgb)], (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _facts(small: Pixels, width: int, height: int, size: int) -> list[float]:
    """The values of FACTS."""
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    seen = grey > 2 * _BLACK
    file = [width, height, width / height, size / (width * height)]
    return [*file, *_frame(grey, seen, find_retina(small)), *_light(small, grey, seen)]


def _frame(grey: Pixels, seen: NDArray[np.bool_], box: tuple[slice, slice]) -> list[float]:
    """What surrounds the retina: the share of black, how full its box is, the margins, the corners."""
    (height, width), (rows, columns) = grey.shape, box
    corners = [grey[y, x] for y in (slice(8), slice(-8, None)) for x in (slice(8), slice(-8, None))]
    margins = [rows.start / height, 1 - rows.stop / height, columns.start / width, 1 - columns.stop / width]
    noise = float(np.mean([corner.std() for corner in corners]))
    return [1 - float(seen.mean()), float(seen[box].mean()), *margins, float(np.mean(corners)), noise]


def _light(small: Pixels, grey: Pixels, seen: NDArray[np.bool_]) -> list[float]:
    """Mean colour, contrast and sharpness of what is not black."""
    if not seen.any():
        return [0.0] * len(LIGHT)
    contrast = float(grey[seen].std())
    edges = cv2.Laplacian(grey, cv2.CV_32F)[cv2.erode(seen.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0]
    sharpness = float(edges.std()) / max(contrast, 1.0) if edges.size else 0.0
    return [*(float(value) for value in small[seen].mean(axis=0)), contrast, sharpness]


def _descriptor(square: Pixels) -> Floats:
    """Histograms of oriented gradients (Dalal and Triggs 2005) on a grid, then of the three colours; unit parts."""
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size, angle = cv2.cartToPolar(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    place = np.arange(SIDE) * _CELLS // SIDE
    cell = place[:, None] * _CELLS + place
    bins = (np.asarray(angle) % np.pi / np.pi * _BINS).astype(int) % _BINS
    gradients = np.bincount((cell * _BINS + bins).ravel(), np.asarray(size).ravel(), _CELLS * _CELLS * _BINS)
    colours = [np.bincount(square[..., c].ravel() // (256 // _COLOURS + 1), minlength=_COLOURS) for c in range(3)]
    return np.concatenate([_unit(gradients), _unit(np.concatenate(colours))])


def _unit(values: Floats | Integers) -> Floats:
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6))


def _band(square: Pixels) -> NDArray[np.int8]:
    """The green channel between two smoothings, over its local deviation: vessels and texture, without the light."""
    green = square[..., 1].astype(np.float32)
    open_ = ((green > _BLACK) & (green < _WHITE)).astype(np.uint8)
    seen = (cv2.erode(open_, np.ones((5, 5), np.uint8), borderValue=1) * _DISC).astype(np.float32)
    band = _smooth(green, seen, _FINE) - _smooth(green, seen, _COARSE)
    local = np.sqrt(_smooth(band**2, seen, _LOCAL))
    values = np.clip(band / np.maximum(local, 0.5), -3, 3) * UNIT
    return np.where(seen > 0, np.rint(values), HIDDEN).astype(np.int8)


def _smooth(values: Floats, seen: Floats, sigma: float) -> Floats:
    """Gaussian mean of the seen values alone."""
    total = cv2.GaussianBlur(values * seen, (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(seen, (0, 0), sigma), 1e-3))
