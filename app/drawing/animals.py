"""Portraits of animals: fur, pattern, pose, light, background come from one distribution for all species."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from app.drawing.canvas import Canvas, Colour, Floats, Image, Pose, oval, rounded
from app.drawing.drawing import HALF, Drawing
from app.drawing.texture import (
    blend,
    blur,
    bump,
    chance,
    expose,
    flat,
    fractal,
    mix,
    polar_noise,
    shade,
    shot,
    tint,
)

INK: Colour = (0.09, 0.07, 0.07)
_FURS: tuple[Colour, ...] = (
    (0.80, 0.52, 0.28), (0.62, 0.42, 0.26), (0.40, 0.27, 0.19), (0.24, 0.21, 0.20),
    (0.52, 0.50, 0.50), (0.86, 0.76, 0.62), (0.91, 0.89, 0.86), (0.72, 0.60, 0.46),
)  # fmt: skip
_WHITE: Colour = (0.95, 0.93, 0.90)


@dataclass(frozen=True)
class Coat:
    """The colours of one animal and the pattern that they make."""

    fur: Colour
    second: Colour
    pale: Colour
    nose: Colour
    pattern: str


@dataclass(frozen=True)
class Species:
    """`head` is an outline; `ears` paints and returns the ears' outlines, `face` paints eyes to mouth."""

    head: Floats
    ears: Callable[[Generator, Canvas, Coat], list[Floats]]
    face: Callable[[Generator, Canvas, Coat], None]


def portrait(rng: Generator, size: int, subject: str, species: Species) -> Drawing:
    """Draw one animal of the species before a background; the mask is its head with the ears."""
    pose = Pose(
        rng.normal(0, 0.08),
        rng.uniform(-0.02, 0.2),
        rng.uniform(0.5, 0.68),
        rng.normal(0, 0.16),
        float(rng.choice([-1.0, 1.0])),
    )
    coat = _coat(rng)
    canvas, head, body = Canvas(size, pose, _background(rng, size)), Canvas(size, pose), Canvas(size, pose)
    shoulders = oval((rng.normal(0, 0.08), 2.0), (rng.uniform(0.95, 1.2), 1.45))
    canvas.fill(shoulders, mix(coat.fur, INK, 0.14))
    body.fill(shoulders)
    for outline in [*species.ears(rng, canvas, coat), species.head]:
        head.fill(outline)
    canvas.fill(species.head, coat.fur)
    _pattern(rng, canvas, coat)
    cover = head.read()
    image = _fur(rng, canvas.read(), cover, np.maximum(cover, body.read()), pose)
    features = Canvas(size, pose, image)
    species.face(rng, features, coat)
    image = features.read()
    expose(image, rng.uniform(0.85, 1.12), tint(rng, 0.06))
    return Drawing(shot(rng, image), subject, cover > HALF)


def mirrored(half: tuple[tuple[float, float], ...]) -> Floats:
    """Return a smooth closed outline from its right half, listed from top to bottom."""
    left = [(-x, y) for x, y in half[::-1] if x]
    return rounded([*half, *left])


def pair(outline: Floats) -> list[Floats]:
    """Return the outline and its mirror image."""
    return [outline, outline * [-1, 1]]


@dataclass(frozen=True)
class Eyes:
    """A pair of eyes: `place` of the right one, half axes of the iris and of the pupil, tilt and colour."""

    place: tuple[float, float]
    axes: tuple[float, float]
    pupil: tuple[float, float]
    tilt: float
    colour: Colour


def paint_eyes(rng: Generator, canvas: Canvas, eyes: Eyes) -> None:
    """Paint two eyes: a dark rim, a coloured iris, a pupil, a highlight, and sometimes heavy lids."""
    place, axes, pupil, tilt, colour = eyes.place, eyes.axes, eyes.pupil, eyes.tilt, eyes.colour
    glance = rng.normal(0, 0.015)
    squint = rng.uniform(0.8, 1.05)
    for side in (-1.0, 1.0):
        x, y = side * place[0], place[1]
        canvas.ellipse((x, y), (axes[0] * 1.2, axes[1] * 1.22 * squint), INK, side * tilt)
        canvas.ellipse((x, y), (axes[0], axes[1] * squint), mix(colour, INK, 0.35), side * tilt)
        canvas.ellipse((x, y + 0.12 * axes[1]), (axes[0] * 0.9, axes[1] * 0.82 * squint), colour, side * tilt)
        canvas.ellipse((x + glance, y), (pupil[0], pupil[1] * squint), (0.03, 0.03, 0.03))
        canvas.ellipse((x + 0.3 * axes[0], y - 0.38 * axes[1]), (0.032, 0.032), (0.97, 0.97, 0.97))


def line(canvas: Canvas, corners: list[tuple[float, float]], width: float, colour: Colour, tip: float = 0.5) -> None:
    """Paint a curved line that narrows to `tip` of its width."""
    path = rounded(corners, closed=False)
    canvas.stroke(path, np.linspace(width, width * tip, len(path)), colour)


def _coat(rng: Generator) -> Coat:
    fur = _FURS[rng.integers(len(_FURS))]
    fur = mix(fur, _FURS[rng.integers(len(_FURS))], rng.uniform(0, 0.3))
    dark = sum(fur) < 1.0
    second = mix(fur, _WHITE if dark or chance(rng, 0.4) else INK, rng.uniform(0.35, 0.7))
    pale = mix(fur, _WHITE, rng.uniform(0.25, 0.85))
    nose = mix((0.80, 0.50, 0.48), INK, float(rng.choice([0.1, 0.75, 0.95])))
    return Coat(fur, second, pale, nose, str(rng.choice(["plain", "blaze", "patch", "stripes", "mask"])))


def _background(rng: Generator, size: int) -> Image:
    """Paint a blurred background: two colours, soft shapes."""
    hues = rng.uniform(0.12, 0.9, (2, 1)) * (0.75 + rng.uniform(-0.25, 0.25, (2, 3)))
    axis = np.linspace(0, 1, size, dtype=np.float32)
    share = np.clip(axis[:, None] * rng.uniform(0.5, 1) + fractal(rng, size, 3, 2) * 0.3, 0, 1)
    (r, g, b), second = hues.tolist()
    image = flat((r, g, b), share)
    blend(image, (second[0], second[1], second[2]), share)
    for _ in range(rng.integers(0, 7)):
        x, y = Pose(rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.1, 0.5)).grid(size)
        shade(image, bump(x, y, 0.8) * rng.uniform(-0.4, 0.5), tint(rng, 0.3))
    return image


def _pattern(rng: Generator, canvas: Canvas, coat: Coat) -> None:
    """Paint markings on the head."""
    if coat.pattern == "blaze":
        width = rng.uniform(0.08, 0.2)
        canvas.fill(mirrored(((0, -0.72), (width, -0.5), (width, 0), (0.42, 0.4), (0.36, 0.8), (0, 0.86))), coat.pale)
    elif coat.pattern == "patch":
        canvas.ellipse((0.38, -0.14), (rng.uniform(0.24, 0.34), rng.uniform(0.28, 0.4)), coat.second, 0.3)
    elif coat.pattern == "mask":
        canvas.fill(
            mirrored(((0, -0.3), (0.3, -0.38), (0.6, -0.1), (0.55, 0.3), (0.34, 0.75), (0, 0.84))),
            coat.second,
        )
    elif coat.pattern == "stripes":
        _stripes(rng, canvas, mix(coat.second, coat.fur, 0.2))


def _stripes(rng: Generator, canvas: Canvas, colour: Colour) -> None:
    """Paint a tabby's or a brindle's bars on brow and cheeks."""
    for x in (-0.3, -0.1, 0.1, 0.3):
        line(
            canvas,
            [(x * 1.1, -0.68), (x * 0.9, -0.5), (x * 0.6, -0.36)],
            rng.uniform(0.05, 0.09),
            colour,
            0.2,
        )
    for side in (-1.0, 1.0):
        for y in (0.05, 0.22, 0.38):
            line(
                canvas,
                [(side * 0.62, y), (side * 0.52, y + 0.04), (side * 0.4, y)],
                rng.uniform(0.05, 0.08),
                colour,
                0.2,
            )


def _fur(rng: Generator, image: Image, head: Image, cover: Image, pose: Pose) -> Image:
    """Add hair drawn out from the nose, rounding, and the shadow that the head throws on the body."""
    x, y = pose.grid(image.shape[1])
    hair = polar_noise(rng, x, y - 0.3, 240, 9) * 0.55 + fractal(rng, image.shape[1], 24, 2) * 0.35
    light = x * rng.uniform(-0.07, 0.07) + y * rng.uniform(-0.07, 0.02)
    soft = blur(head, 0.09)
    rounding = head * (0.42 * soft - 0.38) - 0.45 * soft * (1 - head)
    shade(image, (hair * rng.uniform(0.05, 0.1) + light + rounding) * cover)
    return image
