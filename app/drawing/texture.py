"""Noise, light and blending: what makes flat paint look like a photograph.

A colour image is float32 (3, size, size) until it is shot: plane by plane numpy is twice as fast.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator

from app.drawing.canvas import WHITE, Bytes, Colour, Image, to_bytes


def noise(rng: Generator, size: int, cells: int) -> Image:
    """Smooth noise of mean 0 and deviation near 1 with about `cells` bumps across, (size, size)."""
    return fractal(rng, size, cells, 1)


def fractal(rng: Generator, size: int, cells: int, octaves: int = 3) -> Image:
    """Noise whose finer octaves are weaker, (size, size)."""
    total = rng.standard_normal((cells + 1, cells + 1), dtype=np.float32)
    for octave in range(1, octaves):
        side = cells * 2**octave + 1
        finer = rng.standard_normal((side, side), dtype=np.float32) * 0.6**octave
        total = _enlarge(total, side) + finer
    return _enlarge(total, size)


def polar_noise(rng: Generator, x: Image, y: Image, spokes: int, rings: float) -> Image:
    """Noise drawn out along the radii of the frame with coordinates x and y, as in fur or an iris."""
    coarse = rng.standard_normal((64, spokes), dtype=np.float32)
    radius, angle = cv2.cartToPolar(x, y)
    across, along = angle * (spokes / (2 * math.pi)), radius * rings
    streaks = cv2.remap(coarse, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(streaks, np.float32)


def radius_of(x: Image, y: Image) -> Image:
    """Return the distance of every pixel from the frame's origin."""
    return np.asarray(cv2.magnitude(x, y), np.float32)


def step(value: Image, edge: float | Image, softness: float) -> Image:
    """1 where value is below edge, 0 above, with a smooth passage `softness` wide."""
    t = np.clip((edge - value) / softness + 0.5, 0, 1)
    smooth: Image = t * t * (3 - 2 * t)
    return smooth


def bump(x: Image, y: Image, radius: float) -> Image:
    """Return a Gaussian hill of height 1 at the origin."""
    hill: Image = np.exp((x * x + y * y) * (-1 / radius**2))
    return hill


def colour_in(colour: Colour, tone: Image) -> Image:
    """Multiply the colour by a tone (size, size) at every pixel, (3, size, size)."""
    return np.stack([tone * channel for channel in colour])


def chance(rng: Generator, share: float) -> bool:
    """Return True in that share of calls."""
    return rng.random() < share


def flat(colour: Colour, like: Image) -> Image:
    """One colour all over, planes of the shape of `like`."""
    return np.stack([np.full_like(like, channel) for channel in colour])


def expose(image: Image, light: float | Image, cast: Colour) -> None:
    """Multiply each colour plane in place by the light and its channel of the cast."""
    for index, channel in enumerate(cast):
        image[index] *= light * channel


def shade(image: Image, amount: Image, strength: Colour = WHITE) -> None:
    """Multiply each colour plane in place by 1 + amount x its strength."""
    for index, channel in enumerate(strength):
        image[index] *= amount * channel + 1


def blend(image: Image, colour: Colour | Image, alpha: Image) -> None:
    """Lay a colour, or another image, over image in place, where alpha (size, size) is above 0."""
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 0), np.flatnonzero(alpha.max(axis=0) > 0)
    if not len(rows):
        return
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    share = alpha[window]
    for plane, channel in zip(image, colour, strict=True):
        part = plane[window]
        part += (channel[window] - part if isinstance(channel, np.ndarray) else channel - part) * share


def blur(image: Image, radius: float) -> Image:
    """Gaussian blur of one plane or several, whose deviation is `radius` of the view, which is 2 wide."""
    if image.ndim > 2:  # noqa: PLR2004  # planes of colour
        return np.stack([blur(plane, radius) for plane in image])
    sigma = radius * image.shape[0] / 2
    # A wide blur looks the same done on a quarter of the pixels, and costs a tenth.
    if sigma > 6:  # noqa: PLR2004  # pixels
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        small = blur(np.asarray(half, np.float32), radius)
        return np.asarray(cv2.resize(small, image.shape[1::-1]), np.float32)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.05)), np.float32)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour `share` of the way from first to second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def tint(rng: Generator, spread: float) -> Colour:
    """Sample a camera's colour cast: white with each channel off by up to `spread`."""
    red, green, blue = rng.uniform(1 - spread, 1 + spread, 3).tolist()
    return red, green, blue


def shot(rng: Generator, image: Image) -> Bytes:
    """Take the picture with a little blur and sensor noise that is finer in light than in colour; uint8."""
    size = image.shape[1]
    image = blur(image, rng.uniform(0.001, 0.005))
    strength = rng.uniform(0.01, 0.04)
    grain = rng.random((size, size), dtype=np.float32) - 0.5
    for index in range(3):
        speckle = cv2.resize(rng.random((size // 2, size // 2), dtype=np.float32), (size, size)) - 0.5
        image[index] += (grain + speckle * 0.7) * strength
    return to_bytes(image)


def _enlarge(values: Image, side: int) -> Image:
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
