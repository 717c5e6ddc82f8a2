"""The face of a dog, about one unit from brow to chin."""

from __future__ import annotations

from numpy.random import Generator

from app.drawing.animals import INK, Coat, Eyes, Species, line, mirrored, paint_eyes, pair, portrait
from app.drawing.canvas import Canvas, Colour, Floats, oval, rounded
from app.drawing.drawing import Drawing
from app.drawing.texture import chance, mix

_EYES: tuple[Colour, ...] = ((0.32, 0.19, 0.10), (0.44, 0.27, 0.12), (0.24, 0.15, 0.09), (0.60, 0.42, 0.18))


def dog(rng: Generator, size: int) -> Drawing:
    """Draw a dog: floppy or upright ears, dark eyes, a long muzzle with a big nose; the mask is the face."""
    cheek = rng.uniform(0.72, 0.88)
    head = mirrored(((0, -0.76), (0.48, -0.74), (cheek, -0.4), (cheek, 0.1), (0.62, 0.55), (0.42, 1.0), (0, 1.08)))
    return portrait(rng, size, "dog_face", Species(head, _ears, _face))


def _ears(rng: Generator, canvas: Canvas, coat: Coat) -> list[Floats]:
    tone = mix(coat.fur, coat.second, 0.5) if chance(rng, 0.4) else mix(coat.fur, INK, 0.16)
    if chance(rng, 0.3):
        outlines = pair(_upright(rng))
        inner = pair(rounded([(0.42, -0.72), (0.6, -1.12), (0.74, -0.55)], rounds=2))
    else:
        outlines, inner = pair(_floppy(rng)), []
    for outline in outlines:
        canvas.fill(outline, tone)
    for outline in inner:
        canvas.fill(outline, mix((0.78, 0.58, 0.52), coat.fur, 0.5))
    return outlines


def _upright(rng: Generator) -> Floats:
    tip, height = rng.uniform(0.55, 0.8), rng.uniform(1.15, 1.4)
    return rounded(
        [(0.2, -0.55), (0.28, -0.8), (tip - 0.06, -height), (tip + 0.06, -height), (0.86, -0.5), (0.7, 0)],
        rounds=3,
    )


def _floppy(rng: Generator) -> Floats:
    drop, out = rng.uniform(0.25, 0.8), rng.uniform(0.98, 1.2)
    return rounded(
        [
            (0.3, -0.7),
            (0.62, -0.86),
            (out, -0.5),
            (out + 0.06, drop * 0.5),
            (0.92, drop),
            (0.7, drop * 0.5),
            (0.6, -0.2),
        ]
    )


def _face(rng: Generator, canvas: Canvas, coat: Coat) -> None:
    apart = rng.uniform(0.3, 0.38)
    if chance(rng, 0.4):
        for side in (-1.0, 1.0):
            canvas.ellipse((side * apart * 0.9, -0.42), (0.09, 0.055), coat.pale, side * -0.3)
    colour = _EYES[rng.integers(len(_EYES))]
    tilt = rng.uniform(0, 0.3)
    paint_eyes(rng, canvas, Eyes((apart, -0.16), (0.125, 0.12), (0.065, 0.07), tilt, colour))
    _muzzle(rng, canvas, coat)


def _muzzle(rng: Generator, canvas: Canvas, coat: Coat) -> None:
    tone = mix(coat.fur, coat.pale, rng.uniform(0.3, 0.9))
    long = rng.uniform(0.9, 1.1)
    canvas.fill(mirrored(((0, 0.02), (0.2, 0.06), (0.4, 0.45), (0.44, 0.75), (0.2, 0.93), (0, 0.9))), tone)
    if chance(rng, 0.4):
        canvas.fill(oval((0, 0.98), (0.15, rng.uniform(0.2, 0.3))), (0.86, 0.46, 0.48))
        line(canvas, [(0, 0.85), (0, 1.0), (0, 1.08)], 0.02, (0.70, 0.33, 0.36))
        canvas.fill(mirrored(((0, 0.5), (0.4, 0.5), (0.43, 0.72), (0.2, 0.9), (0, 0.8))), tone)
    nose = mix(coat.nose, INK, 0.6)
    wide = rng.uniform(0.19, 0.25)
    canvas.fill(mirrored(((0, 0.26), (wide, 0.27), (wide * 1.1, 0.4), (0.09, 0.54), (0, 0.55))), nose)
    canvas.ellipse((0.03, 0.33), (0.08, 0.025), mix(nose, (1, 1, 1), 0.4))
    for side in (-1.0, 1.0):
        line(canvas, [(0, 0.52), (0, 0.52 + 0.2 * long), (side * 0.16, 0.86), (side * 0.36, 0.72)], 0.032, INK)
        for dot in range(3):
            canvas.ellipse((side * (0.2 + 0.06 * dot), 0.6 + 0.05 * (dot % 2)), (0.013, 0.013), INK)
