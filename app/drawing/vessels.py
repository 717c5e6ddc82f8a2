"""The vessels of a retina, in a frame with the disc at the origin and the fovea near (1, 0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from app.drawing.canvas import Canvas, Floats

_STEPS = 36
_CAPILLARY = 0.005  # a thinner vessel is not seen


@dataclass(frozen=True)
class Branches:
    """Vessels of one generation: paths (n, steps, 2), their headings and widths (n, steps)."""

    paths: Floats
    headings: Floats
    widths: Floats

    def paint(self, canvas: Canvas, share: float = 1.0) -> None:
        """Paint every vessel, `share` of its width wide."""
        canvas.strokes(self.paths, self.widths * share)


def tree(rng: Generator, fovea: Floats, calibre: float, rim: float) -> list[Branches]:
    """Arteries or veins, trunks first; `calibre` is a trunk's width, `rim` the radius at which it kinks."""
    trunks = _trunks(rng, calibre, rim)
    children = _offspring(rng, trunks, count=5, first=0.24, reach=0.8)
    twigs = _offspring(rng, children, count=3, first=0.3, reach=0.38)
    return [_spare_the_fovea(branches, fovea) for branches in (trunks, children, twigs)]


def _trunks(rng: Generator, calibre: float, rim: float) -> Branches:
    """Four arcades (temporal and nasal, upper and lower) and two small vessels towards the macula."""
    side = np.array([-1.0, 1, -1, 1, -1, 1])
    first = np.radians(np.array([84, 84, 112, 112, 40, 40]) + rng.normal(0, 7, 6))
    last = np.radians(np.array([-22, -22, 158, 158, 5, 5]) + rng.normal(0, 8, 6))
    bend = np.array([1.75, 1.75, 1.6, 1.6, 0.9, 0.9]) * rng.uniform(0.88, 1.12, 6)
    length = np.array([2.7, 2.7, 1.9, 1.9, 0.7, 0.7]) * rng.uniform(0.9, 1.1, 6)
    width = calibre * np.array([1, 1, 0.72, 0.72, 0.34, 0.34]) * rng.uniform(0.85, 1.15, 6)
    along = np.linspace(0, 1, _STEPS) ** 1.3 * length[:, None]
    share = np.minimum(along / bend[:, None], 1.1)
    headings = side[:, None] * (first[:, None] + (last - first)[:, None] * share) + _wander(rng, along, 0.16)
    # A deep cup pushes the vessel sideways where it climbs over the rim.
    climbs = np.abs(along - rim) < rim * 0.35
    headings += side[:, None] * np.where(climbs, 5.0 * max(rim - 0.1, 0), 0.0)
    start = np.stack([rng.normal(-0.3, 0.1, 6) * rim, side * 0.15 * rim], axis=1)
    widths = width[:, None] * (1 - 0.62 * along / length[:, None])
    return Branches(_walk(start, headings, along), headings, widths)


def _offspring(rng: Generator, parents: Branches, count: int, first: float, reach: float) -> Branches:
    """`count` thinner branches off every parent from its share `first` on, turning back to its direction."""
    n = len(parents.paths) * count
    parent = np.repeat(np.arange(len(parents.paths)), count)
    where = first + (0.95 - first) * np.tile(np.arange(count) / (count - 1), len(parents.paths))
    at = np.clip((where + rng.normal(0, 0.05, n)) * _STEPS, 3, _STEPS - 2).astype(int)
    side = np.where((np.arange(n) + parent) % 2, 1.0, -1.0) * rng.choice([1, 1, 1, -1], n)
    width = parents.widths[parent, at] * rng.uniform(0.45, 0.8, n)
    width[width < _CAPILLARY] = 0
    length = reach * rng.uniform(0.6, 1.4, n) * np.sqrt(np.clip(width / 0.015, 0.15, 2))
    along = np.linspace(0, 1, _STEPS) * length[:, None]
    fork = side[:, None] * rng.uniform(0.6, 1.1, (n, 1)) * (1 - 0.55 * along / length[:, None])
    headings = parents.headings[parent, at][:, None] + fork + _wander(rng, along, 0.3)
    widths = width[:, None] * (1 - 0.7 * along / length[:, None])
    return Branches(_walk(parents.paths[parent, at], headings, along), headings, widths)


def _wander(rng: Generator, along: Floats, strength: float) -> Floats:
    """Slow turns to and fro: three sine waves per vessel."""
    waves = rng.uniform(2, 14, (len(along), 3, 1))
    phases = rng.uniform(0, 6.3, (len(along), 3, 1))
    total: Floats = np.sin(along[:, None] * waves + phases).sum(axis=1) * strength * rng.uniform(0.5, 1.2)
    return total - total[:, :1]


def _walk(start: Floats, headings: Floats, along: Floats) -> Floats:
    """Points reached from `start` (n, 2) by following the headings."""
    strides = np.diff(along, axis=1, prepend=0)
    moves = np.stack([np.cos(headings), np.sin(headings)], axis=2) * strides[..., None]
    walked: Floats = start[:, None] + np.cumsum(moves, axis=1)
    return walked


def _spare_the_fovea(branches: Branches, fovea: Floats) -> Branches:
    """End every vessel before the avascular zone."""
    distance = np.linalg.norm(branches.paths - fovea, axis=2)
    widths = branches.widths * np.clip((distance - 0.18) / 0.15, 0, 1)
    return Branches(branches.paths, branches.headings, widths)
