"""The lesions of diabetic retinopathy, in the retina's frame (disc at the origin, fovea near (1, 0))."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from app.drawing.canvas import Canvas, Floats, Image, Mask, Pose, oval, rounded
from app.drawing.texture import blend, blur, shade

_BLOOD = (-0.42, -0.78, -0.74)
_SEEN = 0.35  # of a pixel, for it to count as lesion


class Extent(NamedTuple):
    """How many lesions there are: at least the first and fewer than the second number of each kind."""

    dots: tuple[int, int] = (0, 1)
    bleeds: tuple[int, int] = (0, 1)
    exudates: tuple[int, int] = (0, 1)
    wool: tuple[int, int] = (0, 1)
    new_vessels: tuple[int, int] = (0, 1)
    pools: tuple[int, int] = (0, 1)


GRADES = (  # mild to proliferative, as on the ICDR scale (Wilkinson et al. 2003)
    Extent(dots=(5, 10)),
    Extent(dots=(6, 12), bleeds=(5, 10), exudates=(0, 3)),
    Extent(dots=(6, 12), bleeds=(20, 32), exudates=(1, 4), wool=(1, 4)),
    Extent(dots=(6, 12), bleeds=(12, 28), exudates=(1, 5), wool=(1, 4), new_vessels=(2, 4), pools=(1, 3)),
)


def paint(rng: Generator, image: Image, pose: Pose, field: Pose) -> Mask:
    """Paint lesions of any severity onto image in place; returns where they are."""
    severity = rng.uniform(0.3, 1)
    bleeds = round(5 + 18 * severity)
    extent = Extent(
        bleeds=(bleeds, bleeds + 1), exudates=(0, 3 + round(3 * severity)), wool=(0, 1 + round(3 * severity))
    )
    return _paint(rng, image, (pose, field), extent)


def paint_grade(rng: Generator, image: Image, pose: Pose, field: Pose, grade: int) -> Mask:
    """Paint the lesions of a grade, 1 (mild) to 4 (proliferative), onto image in place; returns where they are."""
    return _paint(rng, image, (pose, field), GRADES[grade - 1])


def _paint(rng: Generator, image: Image, poses: tuple[Pose, Pose], extent: Extent) -> Mask:
    blood, exudate, wool = (Canvas(image.shape[1], poses[0]) for _ in range(3))
    sites = iter(_sites(rng, *poses))
    for _ in range(_some(rng, extent.bleeds)):
        _bleed(rng, blood, next(sites))
    for _ in range(_some(rng, extent.exudates)):
        _exudates(rng, exudate, next(sites))
    for _ in range(_some(rng, extent.wool)):
        wool.fill(_ragged(rng, next(sites), rng.uniform(0.06, 0.11), 0.3))
    for _ in range(_some(rng, extent.dots)):
        blood.fill(_ragged(rng, next(sites), rng.uniform(0.026, 0.038), 0.08))
    for _ in range(_some(rng, extent.new_vessels)):
        _new_vessels(rng, blood, next(sites))
    for _ in range(_some(rng, extent.pools)):
        _pool(rng, blood, next(sites))
    return _composite(rng, image, blood.read(), exudate.read(), wool.read())


def _some(rng: Generator, limits: tuple[int, int]) -> int:
    """A number of these limits; a fixed one takes none of the chance."""
    low, high = limits
    return low if high == low + 1 else int(rng.integers(low, high))


def _new_vessels(rng: Generator, canvas: Canvas, site: Floats) -> None:
    """Paint a tuft of fine, winding, looping vessels, as they grow in proliferative retinopathy."""
    for _ in range(rng.integers(9, 14)):
        turn, bend = rng.uniform(0, 2 * math.pi), rng.uniform(-5, 5)
        along = np.linspace(0, rng.uniform(0.16, 0.3), 14)
        headings = turn + bend * along / along[-1] + 0.5 * np.sin(30 * along + turn)
        steps = np.diff(along, prepend=0)[:, None] * np.stack([np.cos(headings), np.sin(headings)], axis=1)
        canvas.stroke(site + np.cumsum(steps, axis=0), rng.uniform(0.014, 0.02))


def _pool(rng: Generator, canvas: Canvas, site: Floats) -> None:
    """Paint blood before the retina: a boat, level above and round below."""
    width, turn = rng.uniform(0.14, 0.24), np.linspace(0, math.pi, 16)
    canvas.fill(site + np.stack([width * np.cos(turn), 0.6 * width * np.sin(turn)], axis=1))


def _composite(rng: Generator, image: Image, blood: Image, exudate: Image, wool: Image) -> Mask:
    """Blend soft cotton wool below blood below sharp exudates."""
    wool = blur(wool, 0.018)
    blend(image, (0.93, 0.82, 0.64), wool * 0.7)
    shade(image, blur(blood, 0.003) * rng.uniform(0.8, 0.95), _BLOOD)
    blend(image, (0.98, 0.88, 0.52), exudate * rng.uniform(0.75, 0.95))
    seen: Mask = np.maximum(np.maximum(blood, exudate), wool * 0.8) > _SEEN
    return seen


def _sites(rng: Generator, pose: Pose, field: Pose) -> Floats:
    """Places (n, 2) within the field, mostly at the posterior pole, off the disc and the fovea's centre."""
    reach, turn = rng.uniform(0.12, 1.35, 400), rng.uniform(0, 2 * math.pi, 400)
    sites = np.stack([0.75 + reach * np.cos(turn), reach * np.sin(turn)], axis=1)
    clear_of_disc = np.linalg.norm(sites, axis=1) > 0.38  # noqa: PLR2004  # the disc's radius and a margin
    from_centre = np.linalg.norm(pose.to_view(sites) - [field.x, field.y], axis=1)
    usable: Floats = sites[clear_of_disc & (from_centre < 0.8 * field.scale)]
    return usable


def _bleed(rng: Generator, canvas: Canvas, site: Floats) -> None:
    """Paint a microaneurysm, a blot haemorrhage, or a flame along the nerve fibres."""
    kind = rng.choice(["dot", "blot", "flame"], p=[0.5, 0.33, 0.17])
    if kind == "dot":
        canvas.fill(_ragged(rng, site, rng.uniform(0.022, 0.034), 0.08))
    elif kind == "blot":
        canvas.fill(_ragged(rng, site, rng.uniform(0.038, 0.085), 0.25))
    else:
        # Fibres arch away from the disc, so the tangent is a little steeper than the radius.
        tilt = math.atan2(site[1] * 1.3, site[0]) + rng.normal(0, 0.15)
        for x, y in site + rng.normal(0, 0.018, (4, 2)):
            canvas.fill(oval((x, y), (rng.uniform(0.05, 0.12), rng.uniform(0.01, 0.02)), tilt, 20))


def _exudates(rng: Generator, canvas: Canvas, site: Floats) -> None:
    """Paint a cluster of small sharp deposits, gathered or in a ring around a leak."""
    ring, spread = rng.uniform(0.06, 0.16), float(rng.choice([0.25, 0.9]))
    for _ in range(rng.integers(7, 20)):
        turn, reach = rng.uniform(0, 2 * math.pi), ring * (1 - spread * rng.random())
        place = site + reach * np.array([math.cos(turn), math.sin(turn)])
        canvas.fill(_ragged(rng, place, rng.uniform(0.013, 0.034), 0.3))


def _ragged(rng: Generator, centre: Floats, radius: float, roughness: float) -> Floats:
    """Return a roundish outline with uneven edges."""
    turn = np.linspace(0, 2 * math.pi, 11, endpoint=False)
    reach = radius * (1 + roughness * rng.standard_normal(11)).clip(0.4)
    tall = rng.uniform(0.7, 1)
    return rounded(centre + np.stack([reach * np.cos(turn), reach * tall * np.sin(turn)], axis=1), rounds=1)
