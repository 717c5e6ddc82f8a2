"""The two sides of `benchmarks.retraining`, each run in its own process. Prints {"accuracy": ...} at the end."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

BATCH, RATE = 32, 1e-3


def fovea(folder: Path) -> float:
    """Retrain as a job of Fovea does: from the images and the cache to a bundle on disk."""
    from app.training.progress import silent  # noqa: PLC0415  # what is imported counts
    from app.training.trainer import Plan, train  # noqa: PLC0415  # what is imported counts

    plan: Plan = pickle.loads((folder / "plan.pickle").read_bytes())  # noqa: S301  # our own file
    with TemporaryDirectory(dir=folder) as bundle:
        accuracy: float = train(plan, Path(bundle), silent).metrics["accuracy"]
    assert "tensorflow" not in sys.modules
    return accuracy


def usual(folder: Path, epochs: int) -> float:
    """Transfer learning as the Keras guide shows it: from a folder of images to a saved model."""
    from app.training.networks.runtime import keras  # noqa: PLC0415  # what is imported counts

    plan = pickle.loads((folder / "plan.pickle").read_bytes())  # noqa: S301  # our own file
    splits = {
        split: keras.utils.image_dataset_from_directory(
            folder / "usual" / split,
            image_size=(224, 224),
            batch_size=BATCH,
            seed=1,
            shuffle=split == "train",
            verbose=False,
        )
        for split in ("train", "val", "test")
    }
    body = keras.applications.MobileNetV2(
        alpha=0.35, include_top=False, weights=None, input_shape=(224, 224, 3), pooling="avg"
    )
    body.load_weights(plan.weights)
    body.trainable = False
    image = keras.Input((224, 224, 3))
    features = body(keras.layers.Rescaling(1 / 127.5, -1.0)(image), training=False)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(features))
    model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(splits["train"].prefetch(2), validation_data=splits["val"].prefetch(2), epochs=epochs, verbose=0)
    model.save(folder / "usual.keras")
    accuracy: float = model.evaluate(splits["test"], verbose=0, return_dict=True)["accuracy"]
    return accuracy


if __name__ == "__main__":
    side, where = sys.argv[1], Path(sys.argv[2])
    print(json.dumps({"accuracy": fovea(where) if side == "fovea" else usual(where, int(sys.argv[3]))}))
