"""How long answers take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def percentiles(milliseconds: Sequence[float], *levels: int) -> dict[str, float | None]:
    """Return the percentiles asked for as p50, p95 and so on, in milliseconds; None where there is no value."""
    names = [f"p{level}" for level in levels]
    if not milliseconds:
        return dict.fromkeys(names)
    found = np.percentile(milliseconds, levels)
    return {name: round(float(value), 2) for name, value in zip(names, found, strict=True)}
