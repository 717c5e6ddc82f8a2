"""Iris and pupil, in a frame with the pupil's centre at the origin."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from app.drawing.canvas import Colour, Image
from app.drawing.texture import blend, bump, flat, mix, noise, polar_noise, radius_of, shade, step

# Outer and inner colour.
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((0.24, 0.13, 0.07), (0.40, 0.23, 0.11)),
    ((0.34, 0.20, 0.10), (0.52, 0.33, 0.15)),
    ((0.30, 0.44, 0.58), (0.55, 0.66, 0.72)),
    ((0.32, 0.40, 0.27), (0.58, 0.52, 0.28)),
    ((0.40, 0.45, 0.48), (0.62, 0.64, 0.62)),
)
_BLACK: Colour = (0.035, 0.03, 0.03)


def paint(rng: Generator, image: Image, grid: tuple[Image, Image], radii: tuple[float, float], opacity: float) -> None:
    """Paint an iris and a pupil onto image in place; opacity 0 is a clear lens.

    `grid` holds the x and y coordinates of each pixel, `radii` those of the iris and of the pupil.
    """
    (x, y), (iris, pupil) = grid, radii
    near = np.maximum(np.abs(x), np.abs(y)) < iris * 1.2
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    x, y, part = (
        np.ascontiguousarray(x[window]),
        np.ascontiguousarray(y[window]),
        image[:, window[0], window[1]],
    )
    radius = radius_of(x, y)
    blend(part, _fibres(rng, x, y, iris=iris, pupil=pupil), step(radius, iris, 0.045))
    blend(part, _lens(rng, x / pupil, y / pupil, radius / pupil, opacity), step(radius, pupil, 0.025))


def _fibres(rng: Generator, x: Image, y: Image, *, iris: float, pupil: float) -> Image:
    """Paint radial fibres, a paler collar around the pupil, a dark ring at the limbus."""
    radius = radius_of(x, y)
    outer, inner = _COLOURS[rng.integers(len(_COLOURS))]
    outer, inner = (mix(colour, (0.4, 0.35, 0.3), rng.uniform(0, 0.3)) for colour in (outer, inner))
    fibres = polar_noise(rng, x, y, 128, 7) * 0.15 + polar_noise(rng, x, y, 40, 4) * 0.12
    colour = flat(outer, x)
    blend(colour, inner, step(radius, pupil * 1.35 + fibres * 0.12, 0.14))
    shade(colour, fibres)
    shade(colour, step(-radius, -iris * 0.9, 0.09) * -0.6)
    return np.clip(colour, 0, 1)


def _lens(rng: Generator, x: Image, y: Image, radius: Image, opacity: float) -> Image:
    """Paint what shows in a pupil of radius 1: black, or a lens clouded in nucleus, cortex or all over."""
    lens = flat(_BLACK, x)
    # Even a clear lens returns a little light.
    blend(lens, (0.45, 0.42, 0.42), bump(x - rng.uniform(-0.4, 0.4), y, 1.0) * max(0.0, rng.uniform(-0.1, 0.3)))
    if opacity == 0:
        return lens
    spokes = polar_noise(rng, x, y, 22, 1.2)
    grain = np.ascontiguousarray(noise(rng, max(x.shape), 12)[: x.shape[0], : x.shape[1]])
    nucleus = np.exp(radius * radius * -rng.uniform(0.3, 6.0)) * rng.uniform(0.85, 1.1)
    nucleus *= 1 + 0.16 * spokes + 0.1 * grain
    cortex = np.clip(radius - 0.35, 0, 1) * np.clip(spokes + 0.4, 0, 1.3) * rng.uniform(0, 0.8)
    milk = mix((0.84, 0.86, 0.88), (0.82, 0.71, 0.46), rng.beta(0.8, 1.2))
    blend(lens, milk, np.clip(np.maximum(nucleus, cortex) * opacity, 0, 0.96))
    return lens
