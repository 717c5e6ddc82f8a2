"""Fits all of a network, or the upper layers of a pretrained one; stops early and keeps the best epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.classifiers.spec import TrainingSpec
from app.errors import Enough
from app.inference.arrays import Floats
from app.training.data.samples import Images
from app.training.finetuning import checkpoint
from app.training.finetuning.batches import Batches
from app.training.finetuning.checkpoint import State
from app.training.networks.backbones import get_backbone
from app.training.networks.runtime import keras
from app.training.progress import History, Progress

FINE_TUNING = 0.1  # share of the learning rate for weights that are pretrained
LAST_RATE = 0.01  # share of the learning rate that is left at the end


class Watch(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Reports progress, keeps the best weights and a checkpoint of every epoch, and stops early.

    `steps` is the number of batches of an epoch.
    """

    def __init__(self, fitting: Fitting, state: State, best: list[Floats], steps: int) -> None:
        super().__init__()
        self.state, self.best = state, best
        self._spec, self._folder, self._progress = fitting.spec, fitting.folder, fitting.progress
        self._steps, self._done, self._started = steps, state.epochs * steps, 0.0

    def tell(self, figures: dict[str, float] | None = None) -> None:
        """Report how far the training is; its total are the steps that it is likely to take."""
        total = round(self._steps * likely_epochs(self.state, self._spec))
        self._progress("training", min(self._done, total), total, figures)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Count the step."""
        self._done += 1
        self.tell()

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  # keras' signature
        """Let the work be cancelled while the epoch is validated."""
        self.tell()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Judge the epoch, save a checkpoint, and report the figures."""
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
        """Keep the best weights so far; stop after `patience` epochs without better ones."""
        if loss < self.state.best:
            self.state.best, self.state.waited, self.best = loss, 0, self.model.get_weights()
        elif epoch >= _settling(self._spec):
            self.state.waited += 1
            self.model.stop_training = self.state.waited >= self._spec.patience


def likely_epochs(state: State, spec: TrainingSpec) -> float:
    """The epochs that a training is likely to take in all.

    It ends after the last epoch, or `patience` after the best one. Of what is between the soonest and the latest end
    the geometric mean is wrong by the smallest factor.
    """
    latest = spec.epochs - state.epochs
    soonest = min(max(_settling(spec) - state.epochs, 0) + spec.patience - state.waited, latest)
    return float(state.epochs + (max(soonest, 0) * latest) ** 0.5)


def _settling(spec: TrainingSpec) -> int:
    """The epochs after which the batch statistics have settled: from then on it may stop early."""
    return spec.epochs // 3


@dataclass(frozen=True)
class Fitting:
    """A training of `network`, in place, on the training images of `images`.

    `folder` holds its checkpoint: a training that was killed resumes from there. None keeps no checkpoint.
    """

    network: keras.Model
    images: Images
    spec: TrainingSpec
    folder: Path | None
    progress: Progress

    def from_random_weights(self) -> History:
        """Train all layers; return the figures of each epoch."""
        return self._fit(self.spec.learning_rate * get_backbone(self.spec.backbone).pace, State())

    def fine_tune(self, head: History) -> History:
        """Train the upper layers of a network whose head is trained already, at a low rate.

        `head` is the head's history, which the result begins with. The batch statistics stay. The validation loss of
        the result is never higher than before.
        """
        total = sum(layer.count_params() for layer in self.network.layers)
        below = 0
        for layer in self.network.layers:
            below += layer.count_params()
            upper = below > (1 - self.spec.fine_tuned) * total
            layer.trainable = upper and not isinstance(layer, keras.layers.BatchNormalization)
        self.network.compile(loss="sparse_categorical_crossentropy")
        before = self.network.evaluate(self._validation(), verbose=0, return_dict=True)["loss"]
        return self._fit(self.spec.learning_rate * FINE_TUNING, State(best=float(before), history=list(head)))

    def _fit(self, rate: float, state: State) -> History:
        """Adam (Kingma & Ba 2015) with warm-up and cosine decay (Loshchilov & Hutter 2017)."""
        network, spec = self.network, self.spec
        steps = len(self._training(0))
        network.compile(
            keras.optimizers.Adam(_schedule(rate, steps * spec.epochs)),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        network.optimizer.build(network.trainable_variables)
        best, known = network.get_weights(), len(state.history)
        if self.folder is not None and (saved := checkpoint.load(self.folder, network)) is not None:
            state, best = saved
        watch = Watch(self, state, best, steps)
        try:
            for figures in state.history[known:]:
                watch.tell(figures)
            if state.waited < spec.patience:
                network.fit(
                    self._training(state.epochs),
                    validation_data=self._validation(),
                    initial_epoch=state.epochs,
                    epochs=spec.epochs,
                    callbacks=[watch],
                    class_weight=_class_weights(self.images) if spec.balance == "weights" else None,
                    verbose=0,
                    shuffle=False,  # the batches do it themselves
                )
        except Enough:
            if not state.history:
                raise
        network.set_weights(watch.best)
        return state.history

    def _training(self, epoch: int) -> Batches:
        return Batches(self.images, "train", self.spec, vary=True, epoch=epoch)

    def _validation(self) -> Batches:
        return Batches(self.images, "val", self.spec, vary=False)


def _schedule(rate: float, steps: int) -> keras.optimizers.schedules.CosineDecay:
    """Warm up to `rate` for a tenth of the steps, then decay to LAST_RATE of it."""
    warm_up = steps // 10
    return keras.optimizers.schedules.CosineDecay(
        rate / 10, steps - warm_up, alpha=LAST_RATE, warmup_target=rate, warmup_steps=warm_up
    )


def _class_weights(images: Images) -> dict[int, float]:
    """Weights that make every class count the same, with mean 1 over the training images."""
    counts = np.bincount(images.labels[images.rows["train"]])
    return {index: float(counts.sum() / (len(counts) * count)) for index, count in enumerate(counts)}
