"""Finds, for each image, the few others that may be copies of it: a search that no rotation or mirror image escapes.

The fine structure is read along circles. Turning an image shifts those rows and mirroring reverses them, so the sizes
of their Fourier coefficients stay, and compare all images by one product of matrices; the phases then give the angle
at which two of them agree best (phase correlation in polar coordinates, after Reddy and Chatterji 1996).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats, Integers
from app.training.audit.fingerprints import HIDDEN, RADIUS, SIDE, Fingerprints
from app.training.batching import batches

CIRCLES: Final = 28
ANGLES: Final = 96
LIKELY: Final = 20  # images with the most similar coefficients whose phases are compared
BEST: Final = 3  # of those are aligned and compared
WORTH: Final = 0.25  # correlation below which a pair is not compared further
CHUNK: Final = 256

Spectra = NDArray[np.complex64]  # (n, CIRCLES, ANGLES // 2 + 1)
_RADII = (np.arange(CIRCLES) + 2) / (CIRCLES + 1) * RADIUS
_TURNS = np.arange(ANGLES) * 2 * np.pi / ANGLES
_X = ((SIDE - 1) / 2 + _RADII[:, None] * np.cos(_TURNS)).astype(np.float32)
_Y = ((SIDE - 1) / 2 + _RADII[:, None] * np.sin(_TURNS)).astype(np.float32)
_WEIGHTS = np.sqrt(_RADII / RADIUS).astype(np.float32)[:, None]  # an outer circle stands for more pixels


@dataclass(frozen=True)
class Candidate:
    """Rows `first` and `second` may show the same: the second `mirrored`, then turned by `turn` steps of ANGLES."""

    first: int
    second: int
    correlation: float
    turn: int
    mirrored: bool


def spectra(prints: Fingerprints) -> Spectra:
    """The Fourier coefficients along the circles, of unit length for each image."""
    found = np.empty((len(prints), CIRCLES, ANGLES // 2 + 1), np.complex64)
    for row, band in enumerate(prints["band"]):
        values = np.where(band == HIDDEN, 0, band).astype(np.float32)
        circles = np.asarray(cv2.remap(values, _X, _Y, cv2.INTER_LINEAR)) * _WEIGHTS
        found[row] = np.fft.rfft(circles / max(float(np.linalg.norm(circles)), 1e-6), axis=1)
    return found


def candidates(found: Spectra, new: Integers) -> Iterator[Candidate]:
    """Yield the BEST candidates of each of the `new` rows, among all rows."""
    if len(found) < 2:  # noqa: PLR2004 - one image has no other
        return
    sizes = _sizes(found)
    for rows in batches(new, CHUNK):
        likeness = sizes[rows] @ sizes.T
        likeness[np.arange(len(rows)), rows] = -np.inf
        count = min(LIKELY, len(found) - 1)
        nearest = np.argpartition(-likeness, count - 1, axis=1)[:, :count] if count else np.empty((len(rows), 0), int)
        for row, others in zip(rows, nearest, strict=True):
            yield from _best(found, int(row), others)


def _sizes(found: Spectra) -> Floats:
    """The coefficients' sizes (n, d) around their mean, of unit length."""
    sizes: Any = np.abs(found).reshape(len(found), -1)
    sizes -= sizes.mean(axis=0)
    sizes /= np.linalg.norm(sizes, axis=1, keepdims=True) + 1e-9
    return np.asarray(sizes)


def _best(found: Spectra, row: int, others: Integers) -> list[Candidate]:
    """The others that agree best with a row, at the angle where they do."""
    seen = []
    for mirrored in (False, True):
        theirs = found[others].conj() if mirrored else found[others]
        agreement = np.fft.irfft((found[row].conj() * theirs).sum(axis=1), n=ANGLES, axis=1)
        turns = agreement.argmax(axis=1)
        seen += [
            Candidate(row, int(other), float(values[turn]), int(turn), mirrored)
            for other, values, turn in zip(others, agreement, turns, strict=True)
        ]
    best: dict[int, Candidate] = {}
    for each in seen:
        if each.second not in best or each.correlation > best[each.second].correlation:
            best[each.second] = each
    worth = [each for each in best.values() if each.correlation > WORTH]
    return sorted(worth, key=lambda each: -each.correlation)[:BEST]
