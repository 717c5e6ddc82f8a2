"""How often test images may be used: each verdict on them teaches the next training something."""

from __future__ import annotations

import math

ALPHA = 0.05


def uncertainty(verdicts: int) -> float:
    """How far a share of right answers may lie from the truth, times the root of twice the number of images.

    At 95 %, after so many verdicts yes or no that later models may have been chosen by: their 2**verdicts histories
    are all allowed for (description length; Dwork et al., NeurIPS 2015; Blum & Hardt, ICML 2015).
    """
    return math.sqrt(verdicts * math.log(2) + math.log(2 / ALPHA))


FRESH_FROM = next(count for count in range(1, 1000) if uncertainty(count) >= 2 * uncertainty(0))
"""From so many verdicts on, figures are up to twice as uncertain as on images that nobody has tested on."""
