"""Fits what turns a network's answers into probabilities: one temperature, and a bias for each class."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers

TEMPERATURE_PRIOR = 0.25  # standard deviation of its logarithm around 0
BIAS_PRIOR = 0.5  # standard deviation of each class's bias around what Bayes' rule says of the class weights
_TINY = 1e-12


class Scaling(NamedTuple):
    """The `temperature` that divides the logits, and the `bias` (classes,) that is added to them then."""

    temperature: float
    bias: Floats


def fit_scaling(probabilities: Floats, labels: Integers, learned: Floats) -> Scaling:
    """The temperature and the bias that the labels (n,) of calibration images make most probable.

    Temperature scaling with a bias for each class (Guo et al., ICML 2017; Alexandari et al., ICML 2020), with a prior.
    `probabilities` (n, classes) are answers to images that were not learned from, `learned` (classes,) the class shares
    that the network was trained for: equal ones under class weights. The prior: the bias is near the shift, by Bayes'
    rule, from those shares to the calibration images'; the temperature is near 1; and one image in n + 2 is of another
    class than its label says (Platt 1999), so that a model without an error here is not made certain. Some hundred
    images outweigh it.
    """
    if len(labels) == 0 or len(labels) != len(probabilities):
        raise InvalidInput("Calibration needs at least one image, and a label for each.")
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY))
    shift = prior_shift(labels, learned)
    targets = _softened(labels, len(shift))

    def loss(point: Floats) -> tuple[float, Floats]:
        heat, bias = point[0], point[1:]
        scaled = logits * math.exp(-heat) + bias
        scaled -= scaled.max(axis=1, keepdims=True)
        log_answers = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        beyond = np.exp(log_answers) - targets
        away = (bias - shift) / BIAS_PRIOR
        value = -(targets * log_answers).sum() + (heat / TEMPERATURE_PRIOR) ** 2 / 2 + (away**2).sum() / 2
        by_heat = -(beyond * logits).sum() * math.exp(-heat) + heat / TEMPERATURE_PRIOR**2
        return float(value), np.concatenate([[by_heat], beyond.sum(axis=0) + away / BIAS_PRIOR])

    found = minimize(loss, np.concatenate([[0.0], shift]), jac=True, method="L-BFGS-B").x
    return Scaling(math.exp(found[0]), found[1:] - found[1:].mean())


def prior_shift(labels: Integers, learned: Floats) -> Floats:
    """What Bayes' rule adds to the logits (classes,) of a network trained for the shares `learned`; its mean is 0."""
    counts = np.bincount(labels, minlength=len(learned)) + 1 / len(learned)  # a class without images stays possible
    shift = np.log(counts / counts.sum()) - np.log(learned)
    return np.asarray(shift - shift.mean())


def _softened(labels: Integers, classes: int) -> Floats:
    doubt = 1 / (len(labels) + 2)
    targets = np.full((len(labels), classes), doubt / (classes - 1))
    targets[np.arange(len(labels)), labels] = 1 - doubt
    return targets
