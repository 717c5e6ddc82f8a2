"""Makes the model that both sides serve: `python -m benchmarks.bundle <folder> [float32]`. Its accuracy is no matter.

The folder receives `classifiers/benchmark.yaml`, for CLASSIFIERS_DIR, and `data/models/benchmark/1`, for DATA_DIR.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from app.classifiers.card import CARD_NAME
from app.classifiers.catalog import read_spec
from app.training.demo import draw_samples
from app.training.progress import silent
from app.training.trainer import Plan, train

NAME = "benchmark"
SPEC = {
    "name": NAME,
    "title": "Benchmark",
    "description": "A cat's face or a dog's, to measure speed with.",
    "classes": [
        {"name": "cat", "title": "Cat", "drawing": "cat_face"},
        {"name": "dog", "title": "Dog", "drawing": "dog_face"},
    ],
    "preprocessing": {"crop": "stretch"},  # what the peer does
}


def build(folder: Path, float32: bool) -> None:
    """Write the classifier's file and train its first bundle; `float32` keeps it from being served in eight bits."""
    file = folder / "classifiers" / f"{NAME}.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(SPEC))
    spec = read_spec(file)
    bundle = folder / "data" / "models" / NAME / "1"
    bundle.mkdir(parents=True)
    with TemporaryDirectory() as drawings:
        samples = draw_samples(spec, Path(drawings), per_class=24, seed=1, progress=silent)
        plan = Plan(spec, samples, "mobilenetv2_100", "full", epochs=1, seed=1, source="drawn", weights="none")
        card = train(plan, bundle, silent)
    if float32:
        card = card.model_copy(update={"engine": "onnx"})
        (bundle / CARD_NAME).write_text(card.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]), float32="float32" in sys.argv[2:])
