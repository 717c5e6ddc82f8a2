"""The lesions of diabetic retinopathy, in the retina's frame (disc at the origin, fovea near (1, 0))."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from app.drawing.canvas import Canvas, Floats, Image, Mask, Pose, oval, rounded
from app.drawing.texture import blend, blur, shade

_BLOOD = (-0.42, -0.78, -0.74)
_SEEN = 0.35  # of a pixel, for it to count as lesion


def paint(rng: Generator, image: Image, pose: Pose, field: Pose) -> Mask:
    """Paint lesions onto image in place; returns where they are."""
    blood, exudate, wool = (Canvas(image.shape[1], pose) for _ in range(3))
    severity = rng.uniform(0.3, 1)
    sites = iter(_sites(rng, pose, field))
    for _ in range(round(5 + 18 * severity)):
        _bleed(rng, blood, next(sites))
    for _ in range(rng.integers(0, 3 + round(3 * severity))):
        _exudates(rng, exudate, next(sites))
    for _ in range(rng.integers(0, 1 + round(3 * severity))):
        wool.fill(_ragged(rng, next(sites), rng.uniform(0.06, 0.11), 0.3))
    return _composite(rng, image, blood.read(), exudate.read(), wool.read())


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
