"""Intervals of figures that are no proportions: the percentile bootstrap over groups (Efron 1979)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from app.inference.arrays import Floats
from app.training.statistics.weighted import Figure, Indices

RESAMPLES = 1000
CHUNK = 100  # resamples at a time, which bounds the memory
SEED = 20_240_229
Interval = list[float] | None


def draws(
    labels: Indices, probabilities: Floats, groups: Sequence[str], figures: Mapping[str, Figure]
) -> dict[str, Floats]:
    """Each figure in RESAMPLES draws of whole groups, since the images of one patient resemble one another.

    The draws are always the same: those of two models on the same images can be subtracted from one another.
    """
    parts = [
        {name: figure(labels, probabilities, weights) for name, figure in figures.items()}
        for weights in _resamples(groups)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in figures}


def percentiles(values: Floats) -> Interval:
    """The 2.5th and the 97.5th percentile of the defined values; None without any."""
    known = values[~np.isnan(values)]
    return [float(each) for each in np.percentile(known, [2.5, 97.5])] if len(known) else None


def pivotal(values: Floats, found: float) -> Interval:
    """The interval of a figure that chance only raises: what resampling adds is taken off (basic bootstrap)."""
    raised = percentiles(values)
    return raised and [max(0.0, min(found, 2 * found - raised[1])), max(found, 2 * found - raised[0])]


def _resamples(groups: Sequence[str]) -> Iterator[Floats]:
    """Yield weights (CHUNK, n)."""
    group = np.unique(groups, return_inverse=True)[1]
    random, n_groups = np.random.default_rng(SEED), int(group.max()) + 1
    for _ in range(RESAMPLES // CHUNK):
        yield random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), CHUNK)[:, group].astype(float)
