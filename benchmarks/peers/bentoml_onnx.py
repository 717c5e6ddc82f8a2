"""BentoML, Pillow and ONNX Runtime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml  # type: ignore[import-not-found]  # lives in .venv-bench alone

from benchmarks.peers.answering import Onnx, answer, pixels


@bentoml.service(workers=int(os.environ["WORKERS"]), logging={"access": {"enabled": False}})
class Classify:
    """BentoML's service."""

    def __init__(self) -> None:
        self.model = Onnx()

    @bentoml.api(route="/api/predict")  # type: ignore[untyped-decorator]  # as above
    def predict(self, file: Path) -> dict[str, Any]:
        """Classify one image, which BentoML hands over as a temporary file."""
        with file.open("rb") as opened:
            return answer(self.model.probabilities(pixels(opened)))
