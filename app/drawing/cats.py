"""The face of a cat, about one unit from middle to cheek."""

from __future__ import annotations

from numpy.random import Generator

from app.drawing.animals import INK, Coat, Eyes, Species, line, mirrored, paint_eyes, pair, portrait
from app.drawing.canvas import Canvas, Colour, Floats, rounded
from app.drawing.drawing import Drawing
from app.drawing.texture import chance, mix

_EYES: tuple[Colour, ...] = (
    (0.62, 0.72, 0.24), (0.85, 0.72, 0.22), (0.45, 0.66, 0.36), (0.80, 0.52, 0.16), (0.50, 0.68, 0.80),
)  # fmt: skip
_PINK: Colour = (0.80, 0.55, 0.52)


def cat(rng: Generator, size: int) -> Drawing:
    """Draw a cat: pointed ears, slit or round bright eyes, a small nose, whiskers; the mask is the face."""
    cheek = rng.uniform(0.88, 1.0)
    head = mirrored(((0, -0.74), (0.5, -0.72), (0.86 * cheek, -0.3), (cheek, 0.2), (0.78, 0.6), (0.35, 0.86), (0, 0.9)))
    return portrait(rng, size, "cat_face", Species(head, _ears, _face))


def _ears(rng: Generator, canvas: Canvas, coat: Coat) -> list[Floats]:
    tip, height = rng.uniform(0.6, 0.86), rng.uniform(1.12, 1.38)
    outer = rounded(
        [(0.2, -0.55), (0.3, -0.75), (tip - 0.02, -height), (tip + 0.04, -height), (0.9, -0.4), (0.8, 0)],
        rounds=2,
    )
    inner = rounded([(0.38, -0.68), (tip - 0.03, -height + 0.2), (tip + 0.01, -height + 0.2), (0.76, -0.45)], rounds=2)
    for outline in pair(outer):
        canvas.fill(outline, mix(coat.fur, INK, 0.12))
    for outline in pair(inner):
        canvas.fill(outline, mix(_PINK, coat.fur, 0.35))
    return pair(outer)


def _face(rng: Generator, canvas: Canvas, coat: Coat) -> None:
    dark = sum(coat.fur) < 2.2  # noqa: PLR2004  # on paler fur white whiskers do not show
    wide = rng.uniform(0.18, 0.24)
    slit = rng.uniform(0.028, 0.15)
    colour = _EYES[rng.integers(len(_EYES))]
    place, tilt = (rng.uniform(0.38, 0.44), -0.08), rng.uniform(-0.3, 0.05)
    paint_eyes(rng, canvas, Eyes(place, (wide, 0.185), (slit, 0.165), tilt, colour))
    for side in (-1.0, 1.0):
        canvas.ellipse((side * 0.16, 0.48), (0.21, 0.17), mix(coat.fur, coat.pale, 0.7))
    canvas.ellipse((0, 0.66), (0.15, 0.11), mix(coat.fur, coat.pale, 0.6))
    canvas.fill(rounded([(-0.14, 0.26), (0.14, 0.26), (0.03, 0.4), (-0.03, 0.4)], rounds=2), coat.nose)
    for side in (-1.0, 1.0):
        line(canvas, [(0, 0.38), (0, 0.5), (side * 0.12, 0.57), (side * 0.24, 0.52)], 0.028, INK)
    _whiskers(rng, canvas, (0.96, 0.95, 0.93) if dark or chance(rng, 0.5) else (0.35, 0.32, 0.3))


def _whiskers(rng: Generator, canvas: Canvas, colour: Colour) -> None:
    for side in (-1.0, 1.0):
        for row in range(rng.integers(3, 5)):
            y, reach = 0.42 + 0.055 * row, rng.uniform(0.85, 1.25)
            end = y + (row - 1) * 0.16 + rng.normal(0, 0.05)
            line(
                canvas,
                [(side * 0.2, y), (side * 0.6 * reach, (y + end) / 2 - 0.06), (side * reach, end)],
                0.02,
                colour,
                0.3,
            )
