"""Makes the eight-bit copy of a frozen body, which training and serving then share.

Calibrated on images that Fovea draws, it is the same for every dataset, so that several classifiers can share it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from app.drawing import DRAWERS, draw
from app.inference.arrays import Pixels
from app.training.networks.quantize import prepare, write

DRAWINGS = 4  # of each subject
FLOAT_LAYERS = 3  # convolutions, from the image on, left in float32: the first depthwise one costs the most accuracy


def write_eight_bits(source: Path, target: Path, size: int) -> None:
    """Write the ONNX graph of a body with convolutions in eight bits; its inputs and outputs stay as they are.

    The scaling of the pixels, the first convolutions and the mean over the map stay in float32. No convolution in
    float32 follows one in eight bits: ONNX Runtime would take it for a part that was to be quantized as well.
    """
    with TemporaryDirectory(prefix="scratch-", dir=target.parent) as scratch:
        prepared, _, fine = prepare(source, Path(scratch))
        write(prepared, target, _drawings(size), sorted({*fine, *_first(prepared)}))


def _drawings(size: int) -> Pixels:
    """The same images every time (n, size, size, 3)."""
    return np.stack([draw(subject, seed, size).image for subject in DRAWERS for seed in range(DRAWINGS)])


def _first(path: Path) -> list[str]:
    """The names of the nodes up to the last convolution that stays in float32, in every branch."""
    depths: dict[str, int] = {}
    names = []
    for node in onnx.load(path).graph.node:  # they are in the order of their computation
        before = max((depths.get(name, 0) for name in node.input), default=0)
        depths.update(dict.fromkeys(node.output, before + (node.op_type == "Conv")))
        if before < FLOAT_LAYERS:
            names.append(node.name)
    return names
