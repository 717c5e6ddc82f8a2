"""Learns a head on the frozen features of a pretrained body, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.classifiers import ClassifierSpec
from app.errors import InvalidInput
from app.inference.arrays import Floats
from app.training.data.samples import Answers, Images, LazySquares, Sample, label_indices, split_rows
from app.training.heads.features import compute
from app.training.heads.solver import Data, fit_head
from app.training.networks.frozen import Frozen
from app.training.networks.heads import Head, SoftmaxHead
from app.training.progress import History, Progress


@dataclass(frozen=True)
class FrozenHead:
    """A head with its frozen network, the figures of its fit, and the images with its answers."""

    frozen: Frozen
    layer: Head
    history: History
    images: Images

    @property
    def start(self) -> tuple[Floats, Floats]:
        """The weights (d, classes) and biases (classes,) of a softmax, from which a fine-tuning starts."""
        if not isinstance(self.layer, SoftmaxHead):
            raise InvalidInput("A head for grades is no start for a fine-tuning.")
        return self.layer.kernel, self.layer.bias


def learn_head(
    samples: Sequence[Sample],
    spec: ClassifierSpec,
    frozen: Frozen,
    progress: Progress,
    *,
    whole: bool = True,
) -> FrozenHead:
    """Fit a head on the features of a frozen network; features that were computed before come from its cache.

    With `whole` the head learns from the training and the validation images. It can, since each fold of the
    cross-validation holds some images out. Without, it is the start of a fine-tuning, which computes in float32.
    """
    training = spec.training
    features = compute(frozen, samples, spec.preprocessing, training, progress)
    labels, rows = label_indices(samples, spec.class_names), split_rows(samples)
    known = np.sort(np.concatenate([rows["train"], rows["val"]]))
    given = np.searchsorted(known, rows["train"]), np.searchsorted(known, rows["val"])
    groups = [samples[row].group for row in known]
    sources = [samples[row].source for row in known]
    ordered = spec.ordinal and whole  # a fine-tuning starts from a softmax, which Keras trains
    data = Data(features.embeddings[known], features.varied, labels[known], groups, given, sources, ordered)
    fit = fit_head(data, whole=whole, balance=training.balance == "weights", seed=training.seed, progress=progress)
    probabilities = fit.head.probabilities(features.embeddings)
    fair = probabilities.copy()
    fair[known] = fit.kept_out
    elsewhere = np.full_like(fair, np.nan)
    elsewhere[known] = fit.elsewhere
    folds = [(known[learned], known[kept_out]) for learned, kept_out in fit.folds]
    answers = Answers(probabilities, features.embeddings, fair, folds, elsewhere)
    squares = LazySquares(samples, spec.preprocessing)
    return FrozenHead(
        frozen, fit.head, fit.history, Images(squares, labels, features.measures, features.appearance, rows, answers)
    )
