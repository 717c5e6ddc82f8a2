"""The peer: FastAPI, Pillow and ONNX Runtime, put together as their documentation shows."""

from __future__ import annotations

import io
import os
from typing import Annotated, Any

import numpy as np
import onnxruntime
from fastapi import FastAPI, File, UploadFile  # type: ignore[import-not-found]  # lives in .venv-bench alone
from PIL import Image

SIZE = 224
CLASSES = ("cat", "dog")

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])  # 0: ONNX Runtime's own choice
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name
app = FastAPI()


@app.get("/readyz")  # type: ignore[untyped-decorator]  # as above
def ready() -> dict[str, str]:
    """Tell that the model is loaded."""
    return {"status": "ok"}


@app.post("/api/predict")  # type: ignore[untyped-decorator]  # as above
def predict(file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Classify one image."""
    with Image.open(io.BytesIO(file.file.read())) as image:
        pixels = np.asarray(image.convert("RGB").resize((SIZE, SIZE)))
    probabilities = session.run(["probabilities"], {input_name: pixels[None]})[0][0]
    best = int(probabilities.argmax())
    return {"prediction": CLASSES[best], "confidence": float(probabilities[best])}
