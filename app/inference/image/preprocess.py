"""Turns a photograph into the network's input. Training and serving use the same code."""

from __future__ import annotations

import cv2
import numpy as np

from app.classifiers.spec import Preprocessing
from app.errors import InvalidInput
from app.inference.arrays import Pixels

_SEARCH_SIDE = 128  # the retina is searched on a copy whose shorter side is below twice this
_CORNER = 12  # the copy's side over the side of the corner patches that show the surround
_MIN_CONTRAST = 8  # grey levels between surround and retina, below which there is nothing to find
_MAX_SURROUND = 0.35  # brightness of a black surround, over that of the retina
_EDGE = 0.08  # where the retina begins, between the surround's brightness and the retina's
_MIN_SHARE = 0.1  # of the image that a retina fills at least
_CLIP_LIMIT, _TILES = 2.0, (8, 8)  # of CLAHE: how far it may amplify, and over how many neighbourhoods
_NEIGHBOURHOOD = 30  # the square's side over the standard deviation of the Gaussian that takes the local average
_GAIN, _GREY = 4.0, 128.0  # what a difference to the local average is multiplied with, and what no difference becomes
_SURROUND = 12  # the brightest grey level of a black border, which stays black

Box = tuple[slice, slice]


def preprocess(rgb: Pixels, spec: Preprocessing) -> Pixels:
    """Crop, resize and normalise the contrast: uint8 RGB (size, size, 3). InvalidInput when spec.size is not set."""
    return even_out(frame(rgb, spec), spec)


def frame(rgb: Pixels, spec: Preprocessing) -> Pixels:
    """Crop and resize, the first half of `preprocess`; quality is measured on the result.

    InvalidInput when spec.size is not set.
    """
    if spec.size is None:
        raise InvalidInput("The preprocessing has no size; set it, or take the backbone's own.")
    return _crop(rgb, spec.crop, spec.size)


def even_out(square: Pixels, spec: Preprocessing) -> Pixels:
    """Normalise the contrast of a square (size, size, 3), the second half of `preprocess`."""
    if spec.contrast == "clahe":
        return _equalise(square)
    return _subtract_local_average(square) if spec.contrast == "local_average" else square


def shown(rgb: Pixels, spec: Preprocessing) -> tuple[float, float, float, float]:
    """Left, top, width and height of the part of a photograph that `preprocess` puts into the square.

    In shares of the photograph's width and height; below 0 or above 1 where the square has black borders.
    """
    height, width = rgb.shape[:2]
    if spec.crop == "stretch":
        return 0.0, 0.0, 1.0, 1.0
    rows, columns = find_retina(rgb) if spec.crop == "retina" else (slice(0, height), slice(0, width))
    spans = rows.stop - rows.start, columns.stop - columns.start
    side = min(spans) if spec.crop == "center" else max(spans)
    top, left = ((span.start + span.stop - side) / 2 / whole for span, whole in ((rows, height), (columns, width)))
    return left, top, side / width, side / height


def _crop(rgb: Pixels, crop: str, size: int) -> Pixels:
    if crop == "stretch":
        return _resize(rgb, size, size)
    if crop == "center":
        return _resize(_central_square(rgb), size, size)
    return _pad(rgb[find_retina(rgb)] if crop == "retina" else rgb, size)


def _equalise(square: Pixels) -> Pixels:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of the lightness; colours stay."""
    lab = cv2.cvtColor(square, cv2.COLOR_RGB2LAB)
    lightness = cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply(cv2.extractChannel(lab, 0))
    lab = cv2.insertChannel(lightness, lab, 0)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def _subtract_local_average(square: Pixels) -> Pixels:
    """Each pixel's difference to its neighbourhood, on grey (Graham 2015, Kaggle diabetic retinopathy)."""
    average = cv2.GaussianBlur(square, (0, 0), square.shape[0] / _NEIGHBOURHOOD)
    even = cv2.addWeighted(square, _GAIN, average, -_GAIN, _GREY)
    even[square.max(axis=2) <= _SURROUND] = 0
    return np.asarray(even, np.uint8)


def find_retina(rgb: Pixels) -> Box:
    """Return the rows and columns of the bright disc of a fundus photograph; all if there is none."""
    height, width = rgb.shape[:2]
    red = np.asarray(cv2.extractChannel(rgb, 0), np.uint8)  # the retina's brightest
    while min(red.shape) >= 2 * _SEARCH_SIDE:
        red = _halve(red)
    _, _, stats, _ = cv2.connectedComponentsWithStats(_bright_mask(red))
    areas = stats[1:, cv2.CC_STAT_AREA]  # the first is the surround
    if areas.max(initial=0) < _MIN_SHARE * red.size:
        return slice(0, height), slice(0, width)
    left, top, w, h = (int(value) for value in stats[1 + areas.argmax(), :4])
    rows, columns = height / red.shape[0], width / red.shape[1]
    return _span(top, h, rows, height), _span(left, w, columns, width)


def _bright_mask(red: Pixels) -> Pixels:
    """Mark what is brighter than a dark surround (0 or 1); nothing when the corners show no such surround."""
    red = np.asarray(cv2.medianBlur(red, 3), np.uint8)  # a single bright pixel is noise
    side = max(1, max(red.shape) // _CORNER)
    corners = [red[y, x].mean() for y in _ends(side) for x in _ends(side)]
    surround, retina = sorted(corners)[1], float(np.percentile(red[::4, ::4], 90))
    if retina - surround < _MIN_CONTRAST or surround > _MAX_SURROUND * retina:
        return np.zeros(red.shape, np.uint8)
    edge = surround + max(3.0, _EDGE * (retina - surround))
    return np.asarray(cv2.threshold(red, edge, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _ends(side: int) -> tuple[slice, slice]:
    return slice(None, side), slice(-side, None)


def _span(start: int, length: int, scale: float, limit: int) -> slice:
    """Scale a span of the small copy up, outwards, so that no pixel of it is lost."""
    return slice(int(start * scale), min(limit, int(np.ceil((start + length) * scale))))


def _central_square(rgb: Pixels) -> Pixels:
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return rgb[top : top + side, left : left + side]


def _pad(rgb: Pixels, size: int) -> Pixels:
    """Fit the image into the middle of a black square."""
    height, width = rgb.shape[:2]
    scale = size / max(height, width)
    fitted = _resize(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    height, width = fitted.shape[:2]
    if height == width:
        return fitted
    top, left = (size - height) // 2, (size - width) // 2
    square = np.zeros((size, size, 3), np.uint8)
    square[top : top + height, left : left + width] = fitted
    return square


def _resize(rgb: Pixels, width: int, height: int) -> Pixels:
    """Halve while both sides are at least twice too long, then interpolate linearly.

    It agrees better with libjpeg's scaled decoding than the mean over areas does, in a seventh of the time.
    """
    while rgb.shape[0] >= 2 * height and rgb.shape[1] >= 2 * width:
        rgb = _halve(rgb)
    resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized, np.uint8)


def _halve(image: Pixels) -> Pixels:
    """Mean of each 2 x 2 pixels, which OpenCV has in vector code; an odd last row or column is left out."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
