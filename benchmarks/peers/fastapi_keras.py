"""FastAPI, Pillow and Keras' own `predict`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import keras
from fastapi import FastAPI, File, UploadFile  # type: ignore[import-not-found]  # lives in .venv-bench alone

from benchmarks.peers.answering import answer, pixels

model = keras.saving.load_model(os.environ["MODEL"] + ".keras")
app = FastAPI()


@app.get("/readyz")  # type: ignore[untyped-decorator]  # as above
def ready() -> dict[str, str]:
    """Tell that the model is loaded."""
    return {"status": "ok"}


@app.post("/api/predict")  # type: ignore[untyped-decorator]  # as above
def predict(file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Classify one image."""
    return answer(model.predict(pixels(file.file), verbose=0)[0])
