"""Fits a network: from chance, or the upper layers of a pretrained one; stops early and keeps the best epoch."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from app.classifiers.spec import TrainingSpec
from app.errors import Enough
from app.inference.arrays import Floats
from app.training.data.samples import Images
from app.training.finetuning import checkpoint
from app.training.finetuning.batches import Batches
from app.training.finetuning.checkpoint import History, State
from app.training.networks.backbones import get_backbone
from app.training.networks.runtime import keras
from app.training.progress import Progress

FINE_TUNING = 0.1  # share of the learning rate for weights that are good already
LAST_RATE = 0.01  # share of the learning rate that is left at the end


class Watch(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Tells the progress, keeps the best weights and a checkpoint of every epoch, and stops early."""

    def __init__(
        self, state: State, best: list[Floats], spec: TrainingSpec, steps: int, folder: Path | None, progress: Progress
    ) -> None:
        super().__init__()
        self.state, self.best = state, best
        self._spec, self._folder, self._progress = spec, folder, progress
        self._done, self._total, self._started = state.epochs * steps, spec.epochs * steps, 0.0

    def tell(self, figures: dict[str, float] | None = None) -> None:
        """Tell how far the training is."""
        self._progress("training", min(self._done, self._total), self._total, figures)

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

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Judge the epoch, keep it, and tell its figures."""
        figures = {name: float((logs or {})[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        figures["epoch"] = len(self.state.history) + 1.0
        figures["learning_rate"] = float(self.model.optimizer.learning_rate)
        figures["seconds"] = time.perf_counter() - self._started
        self.state.history.append(figures)
        self.state.epochs = epoch + 1
        self._judge(epoch, figures["val_loss"])
        if self._folder is not None:
            checkpoint.save(self._folder, self.model, self.state, self.best)
        self.tell(figures)

    def _judge(self, epoch: int, loss: float) -> None:
        """Keep the weights where they are the best so far; stop where they have not been for too long."""
        if loss < self.state.best:
            self.state.best, self.state.waited, self.best = loss, 0, self.model.get_weights()
        elif epoch >= self._spec.epochs // 3:  # before that the batch statistics have not settled
            self.state.waited += 1
            self.model.stop_training = self.state.waited >= self._spec.patience


def fit(network: keras.Model, images: Images, spec: TrainingSpec, progress: Progress, folder: Path | None) -> History:
    """Train all of `network` in place from chance; return the figures of each epoch.

    A training that was killed goes on from the checkpoint in `folder`; None keeps none.
    """
    rate = spec.learning_rate * get_backbone(spec.backbone).pace
    return _fit(network, images, spec, rate, State(), progress, folder)


def fine_tune(
    network: keras.Model,
    images: Images,
    spec: TrainingSpec,
    head: History,
    progress: Progress,
    folder: Path | None,
) -> History:
    """Train the upper layers of a network whose head is trained already, gently; `head` is its history so far.

    The batch statistics stay. What comes out is never worse on the validation images than what went in.
    """
    total = sum(layer.count_params() for layer in network.layers)
    below = 0
    for layer in network.layers:
        below += layer.count_params()
        upper = below > (1 - spec.fine_tuned) * total
        layer.trainable = upper and not isinstance(layer, keras.layers.BatchNormalization)
    network.compile(loss="sparse_categorical_crossentropy")
    before = network.evaluate(Batches(images, "val", spec, vary=False), verbose=0, return_dict=True)["loss"]
    state = State(best=float(before), history=list(head))
    return _fit(network, images, spec, spec.learning_rate * FINE_TUNING, state, progress, folder)


def _fit(
    network: keras.Model,
    images: Images,
    spec: TrainingSpec,
    rate: float,
    state: State,
    progress: Progress,
    folder: Path | None,
) -> History:
    """Adam (Kingma & Ba 2015) with warm-up and cosine decay (Loshchilov & Hutter 2017)."""
    steps = len(Batches(images, "train", spec, vary=True))
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 10,
        steps * spec.epochs - steps * spec.epochs // 10,
        alpha=LAST_RATE,
        warmup_target=rate,
        warmup_steps=steps * spec.epochs // 10,
    )
    network.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.optimizer.build(network.trainable_variables)
    best, known = network.get_weights(), len(state.history)
    if folder is not None and (saved := checkpoint.load(folder, network)) is not None:
        state, best = saved
    watch = Watch(state, best, spec, steps, folder, progress)
    try:
        for figures in state.history[known:]:
            watch.tell(figures)
        if state.waited < spec.patience:
            network.fit(
                Batches(images, "train", spec, vary=True, epoch=state.epochs),
                validation_data=Batches(images, "val", spec, vary=False),
                initial_epoch=state.epochs,
                epochs=spec.epochs,
                callbacks=[watch],
                class_weight=_class_weights(images) if spec.balance == "weights" else None,
                verbose=0,
                shuffle=False,  # the batches do it themselves
            )
    except Enough:
        if not state.history:
            raise
    network.set_weights(watch.best)
    return state.history


def _class_weights(images: Images) -> dict[int, float]:
    """Weights that make every class count the same, with mean 1 over the training images."""
    counts = np.bincount(images.labels[images.rows["train"]])
    return {index: float(counts.sum() / (len(counts) * count)) for index, count in enumerate(counts)}
