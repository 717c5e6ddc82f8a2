"""Learns a head on the frozen features of a pretrained body, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.classifiers import ClassifierSpec
from app.training.data.samples import Answers, Images, LazySquares, Sample, label_indices, split_rows
from app.training.heads.features import compute
from app.training.heads.solver import Data, History, fit_head
from app.training.networks.frozen import Frozen, freeze
from app.training.networks.graft import Head
from app.training.progress import Progress


@dataclass(frozen=True)
class FrozenHead:
    """A head with the body that it belongs on, the figures of its fit, and the images with what it answers to them."""

    frozen: Frozen
    layer: Head
    history: History
    images: Images


def learn_head(
    samples: Sequence[Sample],
    spec: ClassifierSpec,
    weights: Sequence[Path],
    cache: Path,
    progress: Progress,
    *,
    whole: bool = True,
) -> FrozenHead:
    """Fit a head; what was computed before is taken from `cache`.

    `whole`: to the images for training and for validation. It needs none of its own for that: each fold of the
    cross-validation keeps some out. Otherwise it is for the start of a fine-tuning, which is computed in float32.
    """
    size, training = spec.preprocessing.size, spec.training
    assert size is not None  # noqa: S101  # the trainer has set it
    frozen = freeze(training.backbone, weights, size, cache, float32=not whole)
    features = compute(frozen, samples, spec.preprocessing, training, cache, progress)
    labels, rows = label_indices(samples, spec.class_names), split_rows(samples)
    known = np.sort(np.concatenate([rows["train"], rows["val"]]))
    given = np.searchsorted(known, rows["train"]), np.searchsorted(known, rows["val"])
    groups = [samples[row].group for row in known]
    data = Data(features.embeddings[known], features.varied, labels[known], groups, given)
    fit = fit_head(data, whole=whole, balance=training.balance == "weights", seed=training.seed, progress=progress)
    probabilities = fit.head.probabilities(features.embeddings)
    fair = probabilities.copy()
    fair[known] = fit.kept_out
    folds = [(known[learned], known[kept_out]) for learned, kept_out in fit.folds]
    answers = Answers(probabilities, features.embeddings, fair, folds)
    squares = LazySquares(samples, spec.preprocessing)
    return FrozenHead(
        frozen, fit.head, fit.history, Images(squares, labels, features.measures, features.appearance, rows, answers)
    )
