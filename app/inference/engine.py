"""What runs a network: a new engine is one class here and one row of ENGINES."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import onnxruntime

from app.inference.arrays import Floats, Pixels
from app.inference.body import BODY, WEIGHTS, open_session, shared_body


class Outputs(NamedTuple):
    """float32: `probabilities` (n, classes), `embedding` (n, d), `activation` (n, h, w, classes).

    The last is None of a network that has no feature map.
    """

    probabilities: Floats
    embedding: Floats
    activation: Floats | None = None


REQUIRED = ("probabilities", "embedding")


class Engine(Protocol):
    """A loaded network, safe to call from several threads at once.

    `file_name` is the file that it is made from, `beside` are those that it reads in the same folder.
    """

    file_name: ClassVar[str]
    beside: ClassVar[tuple[str, ...]] = ()

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load the network; Unavailable when the file is no such network."""

    def run(self, batch: Pixels) -> Outputs:
        """Run on uint8 squares (n, size, size, 3)."""


class OnnxEngine(Engine):
    """ONNX Runtime on the CPU, and a network in one file."""

    file_name: ClassVar[str] = "model.onnx"

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._session = open_session(path, threads, REQUIRED)
        self._input = self._session.get_inputs()[0].name
        self._outputs = _given(self._session, Outputs._fields)

    def run(self, batch: Pixels) -> Outputs:
        """Run on uint8 squares (n, size, size, 3)."""
        return Outputs(*self._session.run(self._outputs, {self._input: batch}))


class Int8Engine(OnnxEngine):
    """The same with the weights and activations of the convolutions in eight bits."""

    file_name: ClassVar[str] = "model.int8.onnx"


class SharedEngine(Engine):
    """ONNX Runtime on the CPU: a head on a body that the process loads once for all heads.

    It runs in two steps: what the `body` sees in a batch can be judged by every head on it.
    """

    file_name: ClassVar[str] = "head.onnx"
    beside: ClassVar[tuple[str, ...]] = (BODY, WEIGHTS)

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._session = open_session(path, threads, ("probabilities",))
        self._outputs = _given(self._session, ("probabilities", "activation"))
        self.body = shared_body(path.parent, threads)

    def run(self, batch: Pixels) -> Outputs:
        """Run on uint8 squares (n, size, size, 3)."""
        return self.judge(*self.body.run(batch))

    def judge(self, embedding: Floats, features: Floats | None) -> Outputs:
        """Run the head on what the body gave: embeddings (n, d) and, of most, feature maps (n, h, w, d)."""
        given = {"embedding": embedding} if features is None else {"embedding": embedding, "features": features}
        probabilities, *activation = self._session.run(self._outputs, given)
        return Outputs(probabilities, embedding, *activation)


def _given(session: onnxruntime.InferenceSession, names: tuple[str, ...]) -> list[str]:
    """Those of the outputs that a network has: one without a feature map has no activation."""
    known = {output.name for output in session.get_outputs()}
    return [name for name in names if name in known]


ENGINES: dict[str, type[Engine]] = {
    "onnx": OnnxEngine,
    "onnx-int8": Int8Engine,
    "onnx-shared": SharedEngine,
}
