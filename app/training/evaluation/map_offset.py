"""How far the maps of a network lie beside what they show: measured by what a small patch changes.

A strided convolution that pads only one side, or both where one would do, looks half a pixel beside the middle of its
cell; five of them in a row look 15 pixels of 224 beside it.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from app.inference.arrays import Floats, Pixels
from app.inference.engine import Engine

STEPS = 4  # places in a cell, both ways: evenly spread over it, so that its width does not matter
PATCH = 14  # the square's side over that of the patch
LEVELS = (40, 216)  # of the patch, on GREY
GREY = 128
CLEAR = 0.25  # of the largest change, below which a cell does not count


def map_offset(engine: Engine, size: int) -> tuple[float, float]:
    """Where the maps lie to the right of and below what they show, in shares of the side; 0 without a map.

    The mean over patches about the middle of the square, so far from the rim that its padding does not matter.
    """
    plain = engine.run(np.full((1, size, size, 3), GREY, np.uint8)).activation
    if plain is None:
        return 0.0, 0.0
    rows, columns = plain.shape[1:3]
    within = (np.arange(STEPS) + 0.5) / STEPS - 0.5
    found = []
    for down, right, level in product(within / rows, within / columns, LEVELS):
        x, y = round((0.5 + right) * size), round((0.5 + down) * size)
        square, half = np.full((size, size, 3), GREY, np.uint8), max(1, size // PATCH // 2)
        square[y - half : y + half, x - half : x + half] = level
        changed = _centre(engine, square, plain)
        if changed is not None:
            found.append((changed[0] - x / size, changed[1] - y / size))
    if not found:
        return 0.0, 0.0
    right, down = np.mean(found, axis=0).tolist()
    return round(right, 4), round(down, 4)


def _centre(engine: Engine, square: Pixels, plain: Floats) -> tuple[float, float] | None:
    """The centre of what changes in the maps, in shares of their width and height; None where nothing does."""
    activation = engine.run(square[None]).activation
    change = np.abs(np.asarray(activation) - plain)[0].sum(axis=2)
    change = np.where(change > CLEAR * change.max(), change, 0)
    if not change.any():
        return None
    y, x = (np.indices(change.shape) + 0.5) / np.array(change.shape)[:, None, None]
    return float((x * change).sum() / change.sum()), float((y * change).sum() / change.sum())
