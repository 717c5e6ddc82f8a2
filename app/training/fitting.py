"""Fits a network: the head on frozen features, or all of it, with early stopping and the best epoch kept."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np

from app.classifiers.spec import TrainingSpec
from app.inference.arrays import Floats
from app.training.backbones import get_backbone
from app.training.batches import Batches
from app.training.networks import HEAD, embedder
from app.training.progress import Progress
from app.training.runtime import keras
from app.training.samples import Images

History = list[dict[str, float]]
HEAD_RATE = 3e-3  # the learning rate of a head on standardised features
FINE_TUNING = 0.1  # share of the learning rate for weights that are good already
EMBEDDING_BATCH = 64


class Report(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Tells the progress of each batch and epoch, and keeps the figures of each epoch in `figures`."""

    def __init__(self, progress: Progress, total: int) -> None:
        super().__init__()
        self.figures: History = []
        self._progress, self._total, self._done, self._started = progress, total, 0, 0.0

    def tell(self, figures: dict[str, float] | None = None) -> None:
        """Tell how far the training is."""
        self._progress("training", self._done, self._total, figures)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Count the step."""
        self._done += 1
        self.tell()

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Give a chance to stop while the epoch is validated."""
        self.tell()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Keep and tell the figures of the epoch."""
        logs = logs or {}
        figures = {name: float(logs[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        figures["epoch"] = float(len(self.figures) + 1)
        figures["learning_rate"] = float(self.model.optimizer.learning_rate)
        figures["seconds"] = time.perf_counter() - self._started
        self.figures.append(figures)
        self.tell(figures)


def fit(network: keras.Model, images: Images, spec: TrainingSpec, pretrained: bool, progress: Progress) -> History:
    """Train `network` in place by `spec` and return the figures of each epoch.

    Mode "head" trains the head alone. Mode "full" trains everything; a pretrained network gets its head first, so
    that the good weights below are not torn by a head that knows nothing.
    """
    phases = ["head"] if spec.mode == "head" else ["head", "full"] if pretrained else ["full"]
    steps = spec.epochs * math.ceil(len(images.rows["train"]) / spec.batch_size)
    report = Report(progress, steps * len(phases))
    if "head" in phases:
        _fit_head(network, images, spec, report)
    if "full" in phases:
        _fit_all(network, images, spec, pretrained, report)
    return report.figures


def _fit_head(network: keras.Model, images: Images, spec: TrainingSpec, report: Report) -> None:
    """Compute the features once, train a head on them standardised, and fold the standardisation into it."""
    features = _embed(network, images, report)
    train = features[images.rows["train"]]
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-3
    standard = dataclasses.replace(images, squares=(features - mean) / deviation)
    layer = keras.layers.Dense(network.output_shape[1], activation="softmax")
    head = keras.Sequential([keras.Input(mean.shape), layer])
    _fit(head, standard, spec, HEAD_RATE, report, augment=False)
    kernel, bias = layer.get_weights()
    kernel = kernel / deviation[:, None]
    network.get_layer(HEAD).set_weights([kernel, bias - mean @ kernel])


def _fit_all(network: keras.Model, images: Images, spec: TrainingSpec, pretrained: bool, report: Report) -> None:
    """Train every layer on varied images; a pretrained network gently, its batch statistics left alone."""
    rate = spec.learning_rate * (FINE_TUNING if pretrained else get_backbone(spec.backbone).pace)
    if pretrained:
        for layer in network.layers:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    _fit(network, images, spec, rate, report, augment=True)


def _embed(network: keras.Model, images: Images, report: Report) -> Floats:
    """The embeddings (n, d) of all images."""
    model, parts = embedder(network), []
    for start in range(0, len(images.squares), EMBEDDING_BATCH):
        parts.append(model.predict_on_batch(images.squares[start : start + EMBEDDING_BATCH]))
        report.tell()
    return np.concatenate(parts)


def _fit(model: keras.Model, images: Images, spec: TrainingSpec, rate: float, report: Report, *, augment: bool) -> None:
    """Adam (Kingma & Ba 2015) with warm-up and cosine decay; stop early, and go back to the best epoch."""
    batches = Batches(images, "train", spec, shuffle=True, augment=augment)
    steps = len(batches) * spec.epochs
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 10, steps - steps // 10, alpha=0.01, warmup_target=rate, warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(
        "val_loss",
        patience=spec.patience,
        restore_best_weights=True,
        start_from_epoch=spec.epochs // 3,  # before that the batch statistics have not settled
    )
    model.fit(
        batches,
        validation_data=Batches(images, "val", spec, shuffle=False, augment=False),
        epochs=spec.epochs,
        callbacks=[stop, report],
        class_weight=_class_weights(images) if spec.balance == "weights" else None,
        verbose=0,
        shuffle=False,  # the batches do it themselves
    )


def _class_weights(images: Images) -> dict[int, float]:
    """Weights that make every class count the same, with mean 1 over the training images."""
    counts = np.bincount(images.labels[images.rows["train"]])
    return {index: float(counts.sum() / (len(counts) * count)) for index, count in enumerate(counts)}
