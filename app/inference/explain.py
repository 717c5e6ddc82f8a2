"""Where did the network look? Class activation maps (Zhou et al., CVPR 2016), drawn over the image."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from app.inference.arrays import Floats, Pixels

_OPACITY = 0.6  # of the hottest point


def overlay(square: Pixels, activation: Floats) -> bytes:
    """PNG of the square under a heat map of the activation (h, w); only evidence for the class is hot."""
    heat = _enlarge(activation, square.shape[0])
    heat = np.maximum(heat, 0)
    heat /= max(float(heat.max()), 1e-9)
    colours = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_JET)
    opacity = _OPACITY * heat[..., None]
    blended = square[..., ::-1] * (1 - opacity) + colours * opacity
    _, png = cv2.imencode(".png", blended.astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return png.tobytes()


def hottest(activation: Floats, size: int) -> tuple[int, int]:
    """(x, y) of the strongest evidence, in pixels of a square of that size."""
    y, x = np.unravel_index(_enlarge(activation, size).argmax(), (size, size))
    return int(x), int(y)


def data_url(png: bytes) -> str:
    """Wrap a PNG as a data URL, for an answer that carries its picture."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _enlarge(activation: Floats, size: int) -> Floats:
    smooth = cv2.resize(np.asarray(activation, np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)
