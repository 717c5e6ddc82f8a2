"""Heat maps: class activation maps (Zhou et al., CVPR 2016), drawn over the image."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from app.inference.arrays import Floats, Pixels

LONGER_SIDE = 384  # of the layer, in pixels: finer than any map, and small enough to be carried in an answer
_BRIGHT, _LIT = 90, 0.1  # percentile of the brightness, and the share of it below which a place is black
_FINER = 4  # cells of a map that was moved, for each of its own, both ways
_GAP = 9  # pixels of the layer: dark spots narrower than this are no surround


def heat(
    activation: Floats,
    region: tuple[float, float, float, float],
    width: int,
    height: int,
    retina: Pixels | None = None,
) -> Floats:
    """The evidence for a class at each place of a photograph of `width` x `height` pixels, 0 to 1; 1 is the most.

    (h, w) of the photograph's proportions, its longer side at most LONGER_SIDE. `activation` (rows, columns) is the
    map of the square, `region` the part of the photograph that the square shows, as
    `app.inference.image.preprocess.shown` says. What speaks against the class is 0, and so are what the network did
    not see and, with `retina` (the photograph), its black surround.
    """
    scale = min(1.0, LONGER_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    found = np.maximum(_laid_over(activation, region, size), 0)
    if retina is not None:
        found *= lit(retina, found.shape)
    return np.asarray(found / max(float(found.max()), 1e-9))


def placed(activation: Floats, offset: tuple[float, float]) -> Floats:
    """The map (rows, columns) in finer cells that lie where the evidence is.

    `offset`: how far it lies to the right of and below that, in shares of its width and height.
    """
    if not any(offset):
        return activation
    rows, columns = activation.shape
    x = ((np.arange(_FINER * columns) + 0.5) / (_FINER * columns) + offset[0]) * columns - 0.5
    y = ((np.arange(_FINER * rows) + 0.5) / (_FINER * rows) + offset[1]) * rows - 0.5
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    values = np.asarray(activation, np.float32)
    return np.asarray(cv2.remap(values, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def lit(rgb: Pixels, size: tuple[int, int]) -> Floats:
    """Where a photograph (height, width, 3) of a retina is not its black surround, 1 or 0, in a picture of `size`.

    `size` is (height, width). At the rim of their input networks answer to their own padding, and a surround has
    nothing that could outweigh it: without this the hottest point may lie in a black corner.
    """
    small = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA).max(axis=2)
    _, bright = cv2.threshold(small, _LIT * float(np.percentile(small, _BRIGHT)), 1, cv2.THRESH_BINARY)
    closed = cv2.morphologyEx(np.asarray(bright, np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    return np.asarray(closed, np.float32)


def layer(evidence: Floats) -> bytes:
    """PNG of a heat map (h, w) of 0 to 1, to lay over the photograph: clear where there is no evidence."""
    levels = np.rint(evidence * 255).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_JET)
    _, png = cv2.imencode(".png", cv2.merge([*cv2.split(colours), levels]), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    return png.tobytes()


def data_url(png: bytes) -> str:
    """Wrap a PNG as a data URL, for an answer that carries its picture."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _laid_over(activation: Floats, region: tuple[float, float, float, float], size: tuple[int, int]) -> Floats:
    """Undo crop, borders and resize: the map's value at each pixel of a picture of `size` (width, height).

    The centre of a cell stays where it is; between the centres the values go over smoothly.
    """
    rows, columns = activation.shape
    left, top, wide, high = region
    x = ((np.arange(size[0]) + 0.5) / size[0] - left) / wide
    y = ((np.arange(size[1]) + 0.5) / size[1] - top) / high
    across, down = np.meshgrid(x, y)
    values = cv2.remap(
        np.asarray(activation, np.float32),
        (across * columns - 0.5).astype(np.float32),
        (down * rows - 0.5).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.where((across >= 0) & (across <= 1) & (down >= 0) & (down <= 1), values, 0)
