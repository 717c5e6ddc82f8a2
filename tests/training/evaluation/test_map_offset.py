"""Maps of padded strided networks are moved to where the evidence is."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.inference.arrays import Pixels
from app.inference.engine import Outputs
from app.inference.explain import heat, placed
from app.training.evaluation.map_offset import map_offset

SIZE, STAGES = 96, 4


class Strided:
    """Averages of three pixels at every second place, four times: a map whose cells have 16 pixels."""

    file_name: ClassVar[str] = "strided.onnx"
    beside: ClassVar[tuple[str, ...]] = ()

    def __init__(self, path: Path, threads: int = 1, pads: tuple[int, ...] = (1, 1, 1, 1)) -> None:
        del threads
        arrays = {"kernel": np.full((1, 1, 3, 3), 1 / 9, np.float32), "grey": np.full((1, 3, 1, 1), 1 / 3, np.float32)}
        nodes = [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planes", "grey"], ["m0"]),
            *(
                helper.make_node("Conv", [f"m{i}", "kernel"], [f"m{i + 1}"], strides=[2, 2], pads=pads)
                for i in range(STAGES)
            ),
            helper.make_node("Transpose", [f"m{STAGES}"], ["map"], perm=[0, 2, 3, 1]),
        ]
        graph = helper.make_graph(
            nodes,
            "strided",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", SIZE, SIZE, 3])],
            [helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 6, 6, 1])],
            [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        self._session = onnxruntime.InferenceSession(path)

    def run(self, batch: Pixels) -> Outputs:
        (found,) = self._session.run(None, {"image": batch})
        return Outputs(np.ones((len(batch), 1)), np.ones((len(batch), 1)), found)


class Blind(Strided):
    """A network without a map."""

    def run(self, batch: Pixels) -> Outputs:
        return super().run(batch)._replace(activation=None)


@pytest.mark.parametrize(("pads", "pixels"), [((1, 1, 1, 1), -7.5), ((0, 0, 1, 1), 7.5), ((1, 0, 0, 1), None)])
def test_the_map_follows_a_bright_spot(pads: tuple[int, ...], pixels: float | None, tmp_path: Path) -> None:
    engine = Strided(tmp_path / "strided.onnx", pads=pads)
    offset = map_offset(engine, SIZE)
    if pixels is not None:  # each stage looks half a pixel of its own beside: 1/2 + 1 + 2 + 4
        assert np.multiply(offset, SIZE) == pytest.approx([-pixels, -pixels], abs=0.7)
    plain = engine.run(np.full((1, SIZE, SIZE, 3), 60, np.uint8)).activation
    off: list[tuple[float, float]] = []
    uncorrected: list[tuple[float, float]] = []
    for x, y in [(34, 40), (40, 61), (48, 48), (57, 36), (62, 60), (45, 53)]:
        square = np.full((SIZE, SIZE, 3), 60, np.uint8)
        square[y - 4 : y + 4, x - 4 : x + 4] = 255
        change = (np.asarray(engine.run(square[None]).activation) - np.asarray(plain))[0, :, :, 0]
        for each, found in ((placed(change, offset), off), (change, uncorrected)):
            evidence = heat(each, (0.0, 0.0, 1.0, 1.0), SIZE, SIZE)
            down, right = (np.indices(evidence.shape) + 0.5) * evidence
            found.append((right.sum() / evidence.sum() - x, down.sum() / evidence.sum() - y))
    assert np.abs(np.mean(off, axis=0)).max() < 1.5
    assert np.abs(off).max() < 4
    assert np.abs(np.mean(uncorrected, axis=0)).max() > 5


def test_without_a_map_there_is_no_offset(tmp_path: Path) -> None:
    assert map_offset(Blind(tmp_path / "strided.onnx"), SIZE) == (0, 0)
