"""Simulated screenings whose truth is known: features of sick and healthy eyes, and what answers to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.inference.arrays import Floats, Integers
from app.training.heads.solver import Data, Fit, fit_head
from app.training.progress import silent

DIMENSIONS, DISTANCE = 20, 3.2  # features, and how far the classes lie apart: 94.5 % can be told rightly
OVERCONFIDENCE = 1.5  # by which the network's logits are too large


class Eyes(NamedTuple):
    """Features (n, d) of eyes, and their classes (n,): 0 sick, 1 healthy."""

    features: Floats
    labels: Integers


def counts(images: int, prevalence: float) -> tuple[int, int]:
    """How many of so many are sick and healthy: at least one of each, as training asks."""
    sick = min(max(1, round(images * prevalence)), images - 1)
    return sick, images - sick


def eyes(sick: int, healthy: int, random: np.random.Generator) -> Eyes:
    """Draw so many of each class."""
    labels = np.repeat([0, 1], [sick, healthy])
    features = random.normal(0, 1, (sick + healthy, DIMENSIONS)).astype(np.float32)
    features[:, 0] += np.where(labels == 0, DISTANCE / 2, -DISTANCE / 2)
    return Eyes(features, labels)


def network(features: Floats) -> Floats:
    """The probabilities (n, 2) of a network that was trained with class weights and is too sure."""
    sick = 1 / (1 + np.exp(-OVERCONFIDENCE * DISTANCE * features[:, 0]))
    return np.stack([sick, 1 - sick], axis=1)


def trained(given: Eyes) -> Fit:
    """The head that the product fits to them with class weights, and the answers of its cross-validation."""
    rows = np.arange(len(given.labels))
    fold = np.setdiff1d(rows, rows[::6]), rows[::6]
    data = Data(given.features, (), given.labels, [str(row) for row in rows], fold)
    return fit_head(data, whole=True, balance=True, seed=7, progress=silent)
