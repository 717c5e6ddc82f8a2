"""Decides whether two images show the same: aligns their fine structure and correlates it.

Alignment is by the enhanced correlation coefficient (Evangelidis and Psarakis 2008), which tolerates a small shift,
zoom and shear, so a second photograph of the same eye is found, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from app.inference.arrays import Floats, Integers
from app.training.audit.fingerprints import HIDDEN, RADIUS, SIDE, UNIT, Fingerprints
from app.training.audit.neighbours import ANGLES, Candidate, candidates, spectra
from app.training.progress import Progress

SAME: Final = 0.65  # correlation from which two images show the same (measured: docs/data.md)
CERTAIN: Final = 0.70  # and from which a mirrored or turned one is called a copy
UNMOVED: Final = 0.80  # correlation before alignment from which a file of another size is called a copy
OVERLAP: Final = 0.6  # of the disc that both must show
THREADS: Final = 2
_STEPS, _ZOOMS = 30, (0.6, 1.6)
_Y, _X = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
_DISC = np.hypot(_X, _Y) < RADIUS - 2
_CENTRE = ((SIDE - 1) / 2, (SIDE - 1) / 2)


@dataclass(frozen=True)
class Pair:
    """Two rows that show the same, `similarity` being their correlation (0 to 1) once aligned.

    `turn` in degrees and `mirrored` say how the second differs from the first; `unmoved` is the correlation when
    nothing else is aligned.
    """

    first: int
    second: int
    similarity: float
    unmoved: float
    turn: float
    mirrored: bool

    def is_copy(self, resized: bool) -> bool:
        """Whether the one was made from the other's file: no second photograph is mirrored or turned like this."""
        turned = self.mirrored or 20 < self.turn % 360 < 340  # noqa: PLR2004 - degrees; a head tilts by less
        return (turned and self.similarity >= CERTAIN) or (resized and self.unmoved >= UNMOVED)


def find_pairs(prints: Fingerprints, new: Integers, progress: Progress) -> list[Pair]:
    """Return the pairs of a `new` row with any other that show the same; each pair once, in order."""
    chosen: dict[tuple[int, int], Candidate] = {}
    found = spectra(prints)
    for each in candidates(found, new):
        key = (min(each.first, each.second), max(each.first, each.second))
        if key not in chosen or each.correlation > chosen[key].correlation:
            chosen[key] = each
        progress("searching copies", len(chosen), 3 * len(new))
    return _confirm(prints, list(chosen.values()), progress)


def _confirm(prints: Fingerprints, chosen: Sequence[Candidate], progress: Progress) -> list[Pair]:
    found = []
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for done, pair in enumerate(pool.map(lambda each: compare(prints, each), chosen), start=1):
                progress("comparing", done, len(chosen))
                if pair.similarity >= SAME:
                    found.append(pair)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def compare(prints: Fingerprints, candidate: Candidate) -> Pair:
    """Correlate the two before and after the best alignment; 0 if they overlap too little."""
    first, first_seen = _unpack(prints[candidate.first]["band"])
    second, second_seen = _unpack(prints[candidate.second]["band"])
    if candidate.mirrored:
        second, second_seen = second[::-1].copy(), second_seen[::-1].copy()
    turn = candidate.turn * 360 / ANGLES
    start = np.asarray(cv2.getRotationMatrix2D(_CENTRE, -turn, 1), np.float32)
    unmoved, *aligned = (
        _correlate(first, first_seen, _warp(second, each), _warp(second_seen, each))
        for each in (start, *_align(first, first_seen, second, start))
    )
    similarity = max([unmoved, *aligned])
    return Pair(candidate.first, candidate.second, round(similarity, 3), round(unmoved, 3), turn, candidate.mirrored)


def _unpack(band: Integers) -> tuple[Floats, Floats]:
    """The values, and where there are any (0 or 1)."""
    seen = band != HIDDEN
    return np.where(seen, band / UNIT, 0).astype(np.float32), seen.astype(np.float32)


def _warp(values: Floats, matrix: Floats) -> Floats:
    return np.asarray(cv2.warpAffine(values, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def _align(first: Floats, seen: Floats, second: Floats, start: Floats) -> list[Floats]:
    """The affine map that aligns the second with the first, if one is found that does not distort it too much."""
    ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _STEPS, 1e-3)
    mask = (seen * 255).astype(np.uint8)
    try:
        _, matrix = cv2.findTransformECC(first, second, start.copy(), cv2.MOTION_AFFINE, ends, mask, 5)
    except cv2.error:  # it does not converge: they do not resemble each other
        return []
    zooms = np.linalg.svd(np.asarray(matrix)[:, :2], compute_uv=False)
    return [np.asarray(matrix)] if _ZOOMS[0] < zooms.min() and zooms.max() < _ZOOMS[1] else []


def _correlate(first: Floats, first_seen: Floats, second: Floats, second_seen: Floats) -> float:
    """Pearson's correlation where both have values."""
    both = (first_seen > 0) & (second_seen > 0.9) & _DISC  # noqa: PLR2004 - interpolated from 0 and 1
    if both.sum() < OVERLAP * _DISC.sum():
        return 0.0
    a, b = first[both] - first[both].mean(), second[both] - second[both].mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
