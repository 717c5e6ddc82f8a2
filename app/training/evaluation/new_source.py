"""What to expect from a camera or clinic that the training images do not hold: each source left out in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.inference.arrays import Floats
from app.training.statistics.bootstrap import draws, percentiles
from app.training.statistics.weighted import FIGURES, Figure, Indices

SHOWN = ("accuracy", "balanced_accuracy", "auroc")


def new_source(
    labels: Indices, known: Floats, new: Floats, sources: Sequence[str], groups: Sequence[str]
) -> dict[str, Any] | None:
    """The figures of each source with and without it among what was learned, as plain JSON values.

    `known` (n, classes): answers to images that were kept out, by models that learned from others of their source;
    `new`: by models that learned from no image of it, nan where there was none to ask. `fall` is the loss on a new
    source, with its 95 % interval by a paired bootstrap over groups. None where no source could be left out.
    """
    left_out = ~np.isnan(new).any(axis=1)
    of, patients = np.array(sources), np.array(groups)
    found: dict[str, Any] = {}
    for source in np.unique(of[left_out]).tolist():
        rows = left_out & (of == source)
        pair = (known[rows], new[rows])
        of_source = {name: _fall(labels[rows], pair, patients[rows].tolist(), {name: FIGURES[name]}) for name in SHOWN}
        found[source] = {"n": int(rows.sum()), **of_source}
    if not found:
        return None
    falls = {name: [each[name]["fall"] for each in found.values() if each[name]["fall"] is not None] for name in SHOWN}
    return {
        "sources": found,
        "mean_fall": {name: float(np.mean(values)) if values else None for name, values in falls.items()},
    }


def _fall(
    labels: Indices, pair: tuple[Floats, Floats], groups: Sequence[str], figure: Mapping[str, Figure]
) -> dict[str, Any]:
    """A figure of both, and by how much the second is lower."""
    ((name, function),) = figure.items()
    known, new = (float(function(labels, found, np.ones((1, len(labels))))[0]) for found in pair)
    if np.isnan(known):
        return {"known": None, "new": None, "fall": None, "fall_interval": None}
    first, second = (draws(labels, found, groups, figure)[name] for found in pair)
    return {"known": known, "new": new, "fall": known - new, "fall_interval": percentiles(first - second)}
