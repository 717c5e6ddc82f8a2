"""Learns a head on the frozen features of a pretrained body, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.classifiers import ClassifierSpec
from app.training.convex import Data, History, fit_head
from app.training.features import compute
from app.training.frozen import Frozen, freeze
from app.training.graft import Head
from app.training.progress import Progress
from app.training.samples import Images, LazySquares, Sample, label_indices, split_rows


@dataclass(frozen=True)
class FrozenHead:
    """A head with the body that it belongs on, the figures of its fit, and the images with what it answers to them."""

    frozen: Frozen
    layer: Head
    history: History
    images: Images


def learn_head(
    samples: Sequence[Sample], spec: ClassifierSpec, weights: Sequence[Path], cache: Path, progress: Progress
) -> FrozenHead:
    """Fit a head to the training images; what was computed before is taken from `cache`."""
    size, training = spec.preprocessing.size, spec.training
    assert size is not None  # noqa: S101  # the trainer has set it
    frozen = freeze(training.backbone, weights, size, cache)
    features = compute(frozen, samples, spec.preprocessing, training, cache, progress)
    labels, rows = label_indices(samples, spec.class_names), split_rows(samples)
    train = rows["train"]
    data = Data(features.embeddings[train], features.flipped, labels[train], [samples[row].group for row in train])
    layer, history = fit_head(data, balance=training.balance == "weights", seed=training.seed, progress=progress)
    answers = layer.probabilities(features.embeddings), features.embeddings
    squares = LazySquares(samples, spec.preprocessing)
    return FrozenHead(frozen, layer, history, Images(squares, labels, features.measures, rows, answers))
