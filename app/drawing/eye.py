"""Close-up photographs of an eye, with a clear or a clouded pupil."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from app.drawing import iris
from app.drawing.canvas import Canvas, Colour, Floats, Image, Pose, rounded
from app.drawing.drawing import HALF, Drawing
from app.drawing.texture import (
    blend,
    blur,
    bump,
    colour_in,
    expose,
    fractal,
    mix,
    noise,
    radius_of,
    shade,
    shot,
    step,
    tint,
)

_SKIN: tuple[Colour, Colour] = ((0.93, 0.74, 0.63), (0.36, 0.22, 0.15))
_LID_POINTS = 40


@dataclass(frozen=True)
class Eye:
    """One eye before one camera; corners of the lids at x = -1 (nose) and 1, lengths in that frame."""

    pose: Pose
    upper: float
    lower: float
    iris: float
    pupil: float
    gaze: tuple[float, float]
    skin: Colour


def normal(rng: Generator, size: int) -> Drawing:
    """Draw an eye with a clear, dark pupil."""
    return _photograph(rng, size, "eye_normal", 0.0)


def cataract(rng: Generator, size: int) -> Drawing:
    """Draw an eye whose pupil is clouded grey, white or yellow; the mask is the pupil."""
    return _photograph(rng, size, "eye_cataract", rng.uniform(0.48, 1.0))


def _eye(rng: Generator) -> Eye:
    """Sample everything that says nothing about the lens."""
    mirror = float(rng.choice([-1.0, 1.0]))
    pose = Pose(rng.normal(0, 0.06), rng.normal(0.04, 0.06), rng.uniform(0.78, 1.12), rng.normal(0, 0.07), mirror)
    size = rng.uniform(0.38, 0.45)
    return Eye(
        pose,
        upper=rng.uniform(0.36, 0.5),
        lower=rng.uniform(0.28, 0.4),
        iris=size,
        pupil=size * rng.uniform(0.36, 0.6),
        gaze=(rng.normal(0.02, 0.05), rng.normal(-0.02, 0.025)),
        skin=mix(*_SKIN, rng.beta(1.2, 1.6)),
    )


def _photograph(rng: Generator, size: int, subject: str, opacity: float) -> Drawing:
    """Skin around, ball within the lids' opening, lashes over both."""
    eye = _eye(rng)
    x, y = eye.pose.grid(size)
    upper, lower = _lid(eye.upper, -1), _lid(eye.lower, 1)
    opening = Canvas(size, eye.pose)
    opening.fill(np.concatenate([upper, lower[::-1]]))
    inside = opening.read()
    image = _skin(rng, eye, x, y)
    blend(image, _ball(rng, eye, x, y, opacity), inside)
    _rims(rng, image, eye, upper, lower)
    light = rng.uniform(0.85, 1.1) + x * rng.uniform(-0.1, 0.1) + y * rng.uniform(-0.08, 0.08)
    expose(image, light, tint(rng, 0.06))
    seen = (radius_of(x - eye.gaze[0], y - eye.gaze[1]) < eye.pupil) & (inside > HALF)
    return Drawing(shot(rng, image), subject, seen & (opacity > 0), {"opacity": opacity})


def _lid(height: float, side: float) -> Floats:
    """Return the edge of a lid from corner to corner, points (n, 2); the inner corner lies lower."""
    x = np.linspace(-1, 1, _LID_POINTS)
    arch = (1 - x**2) ** 0.8 * (1 + 0.12 * side * x)
    return np.stack([x, side * height * arch + 0.03 * (1 - x)], axis=1)


def _skin(rng: Generator, eye: Eye, x: Image, y: Image) -> Image:
    """Skin with pores, the lids' creases and shade in the socket."""
    size = len(x)
    image = colour_in(eye.skin, 1 + fractal(rng, size, 5, 6) * 0.018 + noise(rng, size, 2) * 0.03)
    near = (x / 1.25) ** 2 + ((y - 0.02) / 0.62) ** 2
    shade(image, np.exp(-near * near), (-0.1, -0.2, -0.2))
    lift = rng.uniform(0.14, 0.26)
    creases = Canvas(size, eye.pose)
    taper = np.sin(np.linspace(0.15, math.pi - 0.15, _LID_POINTS))
    creases.stroke(_lid(eye.upper + lift, -1) * [1.03, 1], 0.05 * taper)
    creases.stroke(_lid(eye.lower + rng.uniform(0.1, 0.2), 1) * [0.9, 1], 0.02 * taper)
    shade(image, blur(creases.read(), 0.012) * rng.uniform(0.3, 0.6), (-0.45, -0.55, -0.55))
    brow = (y + eye.upper + lift + 0.28) / 0.16
    shade(image, np.exp(-brow * brow) * 0.08)
    return image


def _ball(rng: Generator, eye: Eye, x: Image, y: Image, opacity: float) -> Image:
    """White of the eye, its vessels, iris, pupil, highlight, and the shadow of the lids."""
    flat = np.abs(x)
    white = mix((0.93, 0.91, 0.89), (0.90, 0.84, 0.78), rng.random())
    image = colour_in(white, 1 - 0.28 * flat * flat)
    blend(image, (0.86, 0.52, 0.48), np.clip(flat - 0.55, 0, 0.6) * rng.uniform(0.4, 1.2))
    _veins(rng, image, eye)
    blend(image, (0.80, 0.45, 0.42), bump((x + 0.95) * 0.8, y - 0.05, 0.13) * 0.85)
    centred = x - eye.gaze[0], y - eye.gaze[1]
    iris.paint(rng, image, centred, (eye.iris, eye.pupil), opacity)
    _highlight(rng, image, eye)
    from_lid = y + eye.upper * np.sqrt(np.clip(1 - x * x, 0, 1))
    shade(image, step(from_lid, 0.0, 0.5) * -0.55)
    return image


def _veins(rng: Generator, image: Image, eye: Eye) -> None:
    """Fine red vessels that wander from the corners towards the iris."""
    canvas = Canvas(image.shape[1], eye.pose)
    count, points = int(rng.integers(6, 18)), 14
    side = rng.choice([-1.0, 1.0], (count, 1))
    x = side * (1 - np.linspace(0, 1, points) * rng.uniform(0.25, 0.5, (count, 1)))
    y = rng.uniform(-0.3, 0.3, (count, 1)) + np.cumsum(rng.normal(0, 0.018, (count, points)), axis=1)
    widths = np.broadcast_to(np.linspace(0.015, 0.003, points), (count, points))
    canvas.strokes(np.stack([x, y], axis=2), widths)
    blend(image, (0.76, 0.30, 0.28), canvas.read() * rng.uniform(0.2, 0.55))


def _highlight(rng: Generator, image: Image, eye: Eye) -> None:
    """Paint the lamp or window mirrored on the cornea, and its weak image below."""
    canvas = Canvas(image.shape[1], eye.pose)
    x = eye.gaze[0] + rng.uniform(-0.5, 0.5) * eye.iris
    y = eye.gaze[1] - rng.uniform(0.1, 0.5) * eye.iris
    span = rng.uniform(0.035, 0.075)
    window = span * np.array([[-1, -1], [1, -1.1], [1, 0.9], [-1, 1]])
    canvas.fill(rounded(np.array([x, y]) + window, rounds=int(rng.integers(1, 4))))
    canvas.ellipse((x + 0.12, y + 0.24), (span * 0.25, span * 0.25))
    blend(image, (1.0, 1.0, 1.0), canvas.read() * rng.uniform(0.75, 0.98))


def _rims(rng: Generator, image: Image, eye: Eye, upper: Floats, lower: Floats) -> None:
    """Paint the lids' edges, moist below and dark above, and the lashes."""
    moist, dark = Canvas(image.shape[1], eye.pose), Canvas(image.shape[1], eye.pose)
    moist.stroke(lower[1:-1], 0.035)
    dark.stroke(upper, 0.028)
    blend(image, mix(eye.skin, (0.92, 0.66, 0.62), 0.6), blur(moist.read(), 0.004) * 0.8)
    for lid, side, (least, most), (short, long) in (
        (upper, -1, (50, 90), (0.17, 0.22)),
        (lower, 1, (20, 40), (0.08, 0.12)),
    ):
        paths, widths = _lashes(rng, lid, int(rng.integers(least, most)), rng.uniform(short, long), side)
        dark.strokes(paths, widths)
    ink = mix((0.05, 0.04, 0.04), (0.25, 0.15, 0.08), rng.uniform(0, 0.6))
    blend(image, ink, dark.read() * 0.88)


def _lashes(rng: Generator, lid: Floats, count: int, length: float, side: float) -> tuple[Floats, Floats]:
    """Paths (count, points, 2) and widths of lashes that leave the lid and curve up (side -1) or down."""
    at = rng.uniform(0.06, 0.97, count) * (_LID_POINTS - 1)
    roots = np.stack([np.interp(at, np.arange(_LID_POINTS), lid[:, axis]) for axis in (0, 1)], axis=1)
    lean = (roots[:, :1] * 1.1 + rng.normal(0, 0.2, (count, 1))) * np.ones(7)
    t = np.linspace(0, 1, 7)
    bow = np.stack([lean * (0.3 * t + 0.7 * t**2), side * (1.25 * t - 0.35 * t**2) * np.ones_like(lean)], axis=2)
    fullness = 0.65 + 0.35 * np.sin(at / (_LID_POINTS - 1) * math.pi)
    paths = roots[:, None] + bow * (length * rng.uniform(0.6, 1.1, count) * fullness)[:, None, None]
    return paths, np.broadcast_to(0.016 * (1 - 0.85 * t), (count, 7))
