"""Plain statistics of a photograph: what a camera, a clinic or a painter leaves in it, whatever it shows."""

from __future__ import annotations

import cv2
import numpy as np

from app.inference.arrays import Floats, Pixels

_SIDE = 256  # larger squares are described by a copy of this side
_BLACK = 12  # the brightest channel up to which a pixel belongs to the black surround
_WHITE = 250
_LEVELS = 4  # of the Laplacian pyramid
_RIM = np.ones((5, 5), np.uint8)
_TINY = 1e-3


def describe(square: Pixels) -> Floats:
    """Statistics (k,) of a square (size, size, 3) whose contrast is the photograph's own, float32.

    Outside the black surround: mean and deviation of each colour, and at each level of the Laplacian pyramid (Burt &
    Adelson 1983) how strong the structure of each colour is, how peaked, and how much two colours share of it. Beside
    these the shares of the square that are black and burnt out.
    """
    if max(square.shape) > _SIDE:
        square = np.asarray(cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    brightest = square.max(axis=2)
    mask = np.asarray(cv2.threshold(brightest, _BLACK, 255, cv2.THRESH_BINARY)[1], np.uint8)
    values: Floats = square.astype(np.float32)
    means, deviations = (each[:3, 0] for each in cv2.meanStdDev(values, mask=mask))
    found = [np.log(means + 1), np.log(deviations + 1)]
    inside = np.asarray(cv2.erode(mask, _RIM, borderValue=255), np.uint8)
    for _ in range(_LEVELS):
        smaller = np.asarray(cv2.pyrDown(values), np.float32)
        fine = values - cv2.pyrUp(smaller, dstsize=(values.shape[1], values.shape[0]))
        found.append(_structure(fine[inside > 0]))
        values, inside = smaller, inside[: 2 * smaller.shape[0] : 2, : 2 * smaller.shape[1] : 2]
    shares = np.array([(mask > 0).mean(), (brightest > _WHITE).mean()])
    return np.concatenate([*found, np.log(shares + _TINY)]).astype(np.float32)


def _structure(fine: Floats) -> Floats:
    """Strength and peakedness of each colour's values (n, 3), and the correlation of red and blue with green."""
    if len(fine) == 0:
        return np.zeros(8)
    size, power = np.abs(fine).mean(axis=0), (fine**2).mean(axis=0)
    shared = (fine[:, ::2] * fine[:, 1:2]).mean(axis=0) / np.sqrt(power[::2] * power[1] + _TINY)
    return np.concatenate([np.log(size + _TINY), np.log((power + _TINY) / (size**2 + _TINY)), shared])
