"""What every peer does for one image, with Pillow and ONNX Runtime as their documentation shows."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = int(os.environ.get("SIZE", "224"))
CLASSES = os.environ.get("CLASSES", "cat,dog").split(",")


def pixels(file: BinaryIO) -> npt.NDArray[np.uint8]:
    """Decode and resize a photograph to (1, SIZE, SIZE, 3)."""
    with Image.open(io.BytesIO(file.read())) as image:
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE)))[None]


def answer(probabilities: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Name the likelier class."""
    best = int(probabilities.argmax())
    return {"prediction": CLASSES[best], "confidence": float(probabilities[best])}


class Onnx:
    """ONNX Runtime with the number of threads in THREADS; 0 leaves it the choice."""

    def __init__(self) -> None:
        import onnxruntime  # noqa: PLC0415 - the peer with Keras does without

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        self._session = onnxruntime.InferenceSession(
            os.environ["MODEL"] + ".onnx", options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def probabilities(self, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the probabilities (classes,) of one image."""
        found: npt.NDArray[np.float32] = self._session.run(["probabilities"], {self._input: batch})[0][0]
        return found
