"""Makes the eight-bit copy of a frozen body, which training and serving then share.

Calibrated on images that Fovea draws, it is the same for every dataset, so that several classifiers can share it.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime

from app.drawing import DRAWERS, draw
from app.inference.arrays import Floats, Pixels
from app.training.networks.graph import INPUT
from app.training.networks.quantize import prepare, write

DRAWINGS = 4  # of each subject
LOSS = 0.05  # of MobileNet it is .027, of MobileNetV2 .042, and heads on both lose no accuracy that shows
FLOAT_LAYERS = 3  # convolutions, from the image on, left in float32: the first depthwise one costs the most accuracy


def write_eight_bits(source: Path, target: Path, size: int) -> None:
    """Write the ONNX graph of a body with convolutions in eight bits; its inputs and outputs stay as they are.

    The scaling of the pixels, the first convolutions and the mean over the map stay in float32. No convolution in
    float32 follows one in eight bits: ONNX Runtime would take it for a part that was to be quantized as well.
    """
    with TemporaryDirectory(prefix="scratch-", dir=target.parent) as scratch:
        prepared, _, fine = prepare(source, Path(scratch))
        write(prepared, target, _drawings(size), sorted({*fine, *_first(prepared)}))


def write_if_safe(source: Path, target: Path, size: int) -> bool:
    """Do so for a network that nobody has measured, if its embeddings stay nearly the same; whether they do.

    Only of networks whose weights are mostly those of convolutions. What eight bits may add is LOSS of the variance
    between drawings that it was not calibrated on.
    """
    if not _is_convolutional(onnx.load(source).graph):
        return False
    try:
        write_eight_bits(source, target, size)
        whole, small = (_embeddings(path, _drawings(size, DRAWINGS)) for path in (source, target))
    except Exception:  # ONNX Runtime's errors share no base class
        logging.getLogger(__name__).warning("A network cannot be quantized and stays in float32.", exc_info=True)
        target.unlink(missing_ok=True)
        return False
    added, between = ((each**2).mean() for each in (small - whole, whole - whole.mean(axis=0)))
    if added <= LOSS * between:
        return True
    target.unlink()
    return False


def _is_convolutional(graph: onnx.GraphProto) -> bool:
    """Whether most numbers of a network are weights of convolutions, and some of those can be in eight bits."""
    kernels = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    sizes = {each.name: math.prod(each.dims) for each in graph.initializer}
    return len(kernels) > FLOAT_LAYERS and 2 * sum(sizes.get(name, 0) for name in set(kernels)) > sum(sizes.values())


def _embeddings(path: Path, squares: Pixels) -> Floats:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["embedding"], {INPUT: square[None]})[0] for square in squares])


def _drawings(size: int, first: int = 0) -> Pixels:
    """The same images every time (n, size, size, 3); other ones for another `first`."""
    seeds = range(first, first + DRAWINGS)
    return np.stack([draw(subject, seed, size).image for subject in DRAWERS for seed in seeds])


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
