"""What runs a network: a new engine is one class here and one row of ENGINES."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import onnxruntime

from app.errors import Unavailable
from app.inference.arrays import Floats, Pixels


class Outputs(NamedTuple):
    """float32: `probabilities` (n, classes), `embedding` (n, d), `activation` (n, h, w, classes).

    The last is None of a network that has no feature map.
    """

    probabilities: Floats
    embedding: Floats
    activation: Floats | None = None


class Engine(Protocol):
    """A loaded network, safe to call from several threads at once."""

    file_name: ClassVar[str]

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load the network; Unavailable when the file is no such network."""

    def run(self, batch: Pixels) -> Outputs:
        """Run on uint8 squares (n, size, size, 3)."""


class OnnxEngine:
    """ONNX Runtime on the CPU; its idle threads sleep and leave the cores to other processes."""

    file_name: ClassVar[str] = "model.onnx"

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise Unavailable(f"{path.name} cannot be loaded by ONNX Runtime; train or copy it again.") from error
        names = {output.name for output in self._session.get_outputs()}
        if missing := {"probabilities", "embedding"} - names:
            raise Unavailable(f"{path.name} lacks the outputs {sorted(missing)}; export it again.")
        self._input = self._session.get_inputs()[0].name
        self._outputs = [name for name in Outputs._fields if name in names]

    def run(self, batch: Pixels) -> Outputs:
        """Run on uint8 squares (n, size, size, 3)."""
        return Outputs(*self._session.run(self._outputs, {self._input: batch}))


class Int8Engine(OnnxEngine):
    """The same with the weights and activations of the convolutions in eight bits."""

    file_name: ClassVar[str] = "model.int8.onnx"


ENGINES: dict[str, type[Engine]] = {
    "onnx": OnnxEngine,
    "onnx-int8": Int8Engine,
}
