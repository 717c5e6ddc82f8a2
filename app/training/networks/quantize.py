"""Quantizes a network to eight bits and decides whether that form or float32 serves.

Imported by the training process alone, since it needs the onnx package.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from app.classifiers.card import Int8
from app.inference.arrays import Integers, Pixels
from app.inference.engine import Engine, Int8Engine, OnnxEngine
from app.training.batching import batches
from app.training.data.samples import Images
from app.training.networks.graph import INPUT, OUTPUTS
from app.training.progress import Progress
from app.training.timing import milliseconds

MEANS = ("GlobalAveragePool", "ReduceMean")  # cheap, and their results need the precision
CALIBRATION_IMAGES = 200
AGREEMENT = 0.99  # share of test images that must get the same answer
LOSS = 0.005  # of accuracy, at most
SLOWER = 1.2  # times as slow as float32 is no gain; what is near 1 must not make a training unrepeatable
FLOAT_SHARES = (0.05, 0.15)  # of the convolutions, from the image on, left in float32: the second where one fails
BATCH = 32
TIMED = 40
UNDISTURBED = 20  # percentile of the times: other processes disturb the slower ones


def quantize(folder: Path, images: Images, progress: Progress) -> Int8:
    """Write `model.int8.onnx` to `folder` if it is as good on the test images as `model.onnx`.

    Return how the two compare.

    Static QDQ quantization per channel, calibrated on training images. The first convolutions, which see the pixels
    themselves and lose the most, and the head stay in float32.
    """
    source, path = folder / OnnxEngine.file_name, folder / Int8Engine.file_name
    progress("quantizing", 0, 1)
    squares, whole, found = _calibration_squares(images), OnnxEngine(source), []
    with TemporaryDirectory(prefix="scratch-", dir=folder) as scratch:
        prepared, layers, head = prepare(source, Path(scratch))
        counts, tests = sorted({max(1, round(share * len(layers))) for share in FLOAT_SHARES}), len(images.rows["test"])
        for number, count in enumerate(counts):
            tell = partial(_tell, progress, begin=2 * tests * number, total=2 * tests * len(counts))
            write(prepared, path, squares, [*layers[:count], *head])
            found.append(_compared(whole, Int8Engine(path), images, count, tell))
            if found[-1].kept:
                return found[-1]
    path.unlink()
    return max(found, key=lambda each: each.agreement)


class _Squares(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Feeds squares one by one."""

    def __init__(self, squares: Pixels) -> None:
        self._batches = iter(squares[:, None])

    def get_next(self) -> dict[str, Pixels] | None:
        """The next input; None at the end."""
        square = next(self._batches, None)
        return None if square is None else {INPUT: square}


def _calibration_squares(images: Images) -> Pixels:
    """Training images, evenly spread."""
    rows = images.rows["train"]
    chosen = np.unique(np.linspace(0, len(rows) - 1, CALIBRATION_IMAGES).round().astype(int))
    return np.asarray(images.squares[rows[chosen]])


def prepare(source: Path, folder: Path) -> tuple[Path, list[str], list[str]]:
    """Fold batch normalisation into the convolutions; return the file, their names, and those of all but the body."""
    path = folder / "prepared.onnx"
    with _quiet():
        quant_pre_process(source, path, skip_symbolic_shape=True)
    nodes = onnx.load(path).graph.node
    body = _ancestors(nodes, OUTPUTS[1])
    # A thousand attention weights sum to 1: each is below the resolution of eight bits.
    attention = [place for place, node in enumerate(nodes) if node.op_type == "Softmax" and node.name in body]
    fine = [*nodes[min(attention, default=len(nodes)) :], *(node for node in nodes if node.op_type in MEANS)]
    whole = sorted({node.name for node in fine} | {node.name for node in nodes if node.name not in body})
    return path, [node.name for node in nodes if node.op_type == "Conv" and node.name in body], whole


def _ancestors(nodes: Sequence[onnx.NodeProto], output: str) -> set[str]:
    """Return the names of the nodes that an output depends on."""
    wanted, found = {output}, set()
    for node in reversed(nodes):  # they are in the order of their computation
        if wanted.intersection(node.output):
            wanted.update(node.input)
            found.add(node.name)
    return found


def write(prepared: Path, target: Path, squares: Pixels, excluded: list[str]) -> None:
    """Quantize all nodes but the excluded, per channel, with the ranges that `squares` (n, size, size, 3) give."""
    with _quiet():
        quantize_static(
            prepared,
            target,
            _Squares(squares),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
        )


def _tell(progress: Progress, done: int, begin: int, total: int) -> None:
    progress("quantizing", begin + done, total)


def _compared(whole: Engine, small: Engine, images: Images, float_layers: int, tell: Callable[[int], None]) -> Int8:
    """Compare the answers of both on the test images and decide; `tell` is told how many answers there are."""
    rows = images.rows["test"]
    expected = _answers(whole, images, rows, tell)
    found = _answers(small, images, rows, lambda done: tell(len(rows) + done))
    labels = images.labels[rows]
    agreement = float((expected == found).mean())
    change = float((found == labels).mean() - (expected == labels).mean())
    squares = images.squares[np.resize(rows, TIMED)]
    runs = [lambda row, engine=engine: engine.run(squares[row : row + 1]) for engine in (whole, small)]
    times = [round(each, 3) for each in milliseconds(runs, TIMED, UNDISTURBED)]
    kept = agreement >= AGREEMENT and change >= -LOSS and times[1] <= SLOWER * times[0]
    return Int8(
        kept=kept,
        reason=f"It gives the same answer as float32 to {agreement:.1%} of the test images"
        f" ({AGREEMENT:.0%} needed), changes the accuracy by {change:+.3f} (at least {-LOSS} needed) and takes"
        f" {times[1] / times[0]:.2f} times as long (at most {SLOWER} allowed).",
        agreement=agreement,
        accuracy_change=change,
        float_layers=float_layers,
        float32_ms=times[0],
        int8_ms=times[1],
    )


def _answers(engine: Engine, images: Images, rows: Integers, tell: Callable[[int], None]) -> Integers:
    parts, done = [], 0
    for batch in batches(rows, BATCH):
        parts.append(engine.run(images.squares[batch]).probabilities.argmax(axis=1))
        done += len(batch)
        tell(done)
    return np.concatenate(parts)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the advice that the quantizer logs on the root logger; users cannot act on it."""
    before: Any = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
