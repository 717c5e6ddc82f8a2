"""LitServe, Pillow and ONNX Runtime: `python -m benchmarks.peers.litserve_onnx <port> <workers>`."""

import sys
from typing import Any

import litserve  # type: ignore[import-not-found]  # lives in .venv-bench alone
import numpy as np
import numpy.typing as npt
from fastapi import Request  # type: ignore[import-not-found]  # as above

from benchmarks.peers.answering import Onnx, answer, pixels


class Classify(litserve.LitAPI):  # type: ignore[misc]  # as above
    """LitServe's four steps."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - its signature
        """Load the model."""
        self.model = Onnx()

    def decode_request(self, request: Request) -> npt.NDArray[np.uint8]:
        """Decode the photograph; LitServe looks at the annotation and hands over the form."""
        return pixels(request["file"].file)

    def predict(self, x: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Run the network."""
        return self.model.probabilities(x)

    def encode_response(self, output: npt.NDArray[np.float32]) -> dict[str, Any]:
        """Name the class."""
        return answer(output)


if __name__ == "__main__":
    port, workers = map(int, sys.argv[1:])
    server = litserve.LitServer(
        Classify(api_path="/api/predict"), accelerator="cpu", workers_per_device=workers, healthcheck_path="/readyz"
    )
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
