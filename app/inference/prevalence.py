"""How often each class occurs among images whose classes nobody has told: estimated from the answers alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.inference.arrays import Floats

RESAMPLES, SEED = 200, 20_240_229
_STEPS, _SETTLED = 200, 1e-4  # of the expectation-maximisation; the largest change of a share that ends it


def class_mix(probabilities: Floats, prior: Sequence[float]) -> tuple[Floats, Floats]:
    """The shares of the classes (classes,), and their 95 % interval (2, classes) by a bootstrap over the images.

    `probabilities` (n, classes) are calibrated for the mix `prior`. Expectation-maximisation (Saerens, Latinne &
    Decaestecker 2002): it assumes that each class still looks as it did, and that only its share has changed. The
    interval tells what so few images leave open, not what a wrong calibration adds.
    """
    n = len(probabilities)
    ratios = np.asarray(probabilities, np.float64) / np.asarray(prior)
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    weights = np.concatenate([np.ones((1, n)), drawn]) / n
    shares = np.tile(np.asarray(prior, np.float64), (len(weights), 1))
    for _ in range(_STEPS):
        before = shares
        shares = shares * ((weights / (shares @ ratios.T)) @ ratios)
        if np.abs(shares - before).max() < _SETTLED:
            break
    return shares[0], np.percentile(shares[1:], [2.5, 97.5], axis=0)
