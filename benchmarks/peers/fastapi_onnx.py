"""FastAPI, Pillow and ONNX Runtime."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, File, UploadFile  # type: ignore[import-not-found]  # lives in .venv-bench alone

from benchmarks.peers.answering import Onnx, answer, pixels

model = Onnx()
app = FastAPI()


@app.get("/readyz")  # type: ignore[untyped-decorator]  # as above
def ready() -> dict[str, str]:
    """Tell that the model is loaded."""
    return {"status": "ok"}


@app.post("/api/predict")  # type: ignore[untyped-decorator]  # as above
def predict(file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Classify one image."""
    return answer(model.probabilities(pixels(file.file)))
