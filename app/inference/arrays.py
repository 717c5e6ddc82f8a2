"""Types of the arrays that the modules of this package exchange."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""An RGB image (height, width, 3), or a batch of them with the number of images in front."""

Floats = NDArray[np.floating[Any]]
"""Real numbers, float32 or float64."""

Integers = NDArray[np.integer[Any]]
"""Indices of classes."""
