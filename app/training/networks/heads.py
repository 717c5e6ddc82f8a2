"""Heads: from an embedding to the probabilities of classes, in numpy and as nodes of an ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
import onnx
from onnx import helper
from scipy.special import expit, softmax

from app.inference.arrays import Floats
from app.training.networks.graph import map_weights


class Part(NamedTuple):
    """Nodes from `embedding` to `probabilities`, and the constants that they name."""

    nodes: list[onnx.NodeProto]
    arrays: dict[str, Floats]


class Head(Protocol):
    """The last layer of a network."""

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of an embedding, and the classes."""

    @property
    def size(self) -> int:
        """How many parameters it has."""

    def probabilities(self, embeddings: Floats) -> Floats:
        """Return the probabilities (n, classes) for embeddings (n, d)."""

    def unstandardised(self, mean: Floats, deviation: Floats, directions: Floats | None) -> Self:
        """The same head for embeddings as they are; it was fitted to (embedding - mean) / deviation @ directions."""

    def maps(self) -> tuple[Floats, Floats]:
        """The kernel (d, classes) and bias (classes,) that turn a feature map into class activation maps."""

    def part(self) -> Part:
        """The head in a graph."""


@dataclass(frozen=True)
class SoftmaxHead:
    """A softmax layer: `kernel` (d, classes) and `bias` (classes,), float32."""

    kernel: Floats
    bias: Floats

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Head
        depth, classes = self.kernel.shape
        return depth, classes

    @property
    def size(self) -> int:  # noqa: D102 - as in Head
        return int(self.kernel.size + self.bias.size)

    def probabilities(self, embeddings: Floats) -> Floats:  # noqa: D102 - as in Head
        return np.asarray(softmax(embeddings @ self.kernel + self.bias, axis=1))

    def unstandardised(self, mean: Floats, deviation: Floats, directions: Floats | None) -> Self:  # noqa: D102 - as in Head
        kernel = (self.kernel if directions is None else directions @ self.kernel) / deviation[:, None]
        return type(self)(kernel.astype(np.float32), (self.bias - mean @ kernel).astype(np.float32))

    def maps(self) -> tuple[Floats, Floats]:  # noqa: D102 - as in Head
        return map_weights(self.kernel, self.bias)

    def part(self) -> Part:  # noqa: D102 - as in Head
        nodes = [
            helper.make_node("Gemm", ["embedding", "head_kernel", "head_bias"], ["logits"], name="head"),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1, name="softmax"),
        ]
        return Part(nodes, {"head_kernel": self.kernel, "head_bias": self.bias})


@dataclass(frozen=True)
class GradeHead:
    """Proportional odds (McCullagh, Regression models for ordinal data, JRSS B 1980), a cumulative-link model.

    The log odds of a grade of at most k are `cuts`[k] less the severity, the embedding's product with `direction` (d,).
    `cuts` (classes - 1,) rise. float32.
    """

    direction: Floats
    cuts: Floats

    @property
    def shape(self) -> tuple[int, int]:  # noqa: D102 - as in Head
        return len(self.direction), len(self.cuts) + 1

    @property
    def size(self) -> int:  # noqa: D102 - as in Head
        return len(self.direction) + len(self.cuts)

    def probabilities(self, embeddings: Floats) -> Floats:  # noqa: D102 - as in Head
        at_most = expit(self.cuts - (embeddings @ self.direction)[:, None])
        return np.asarray(np.maximum(at_most @ self._steps() + self._last(), 0))

    def unstandardised(self, mean: Floats, deviation: Floats, directions: Floats | None) -> Self:  # noqa: D102 - as in Head
        direction = (self.direction if directions is None else directions @ self.direction) / deviation
        return type(self)(direction.astype(np.float32), (self.cuts + mean @ direction).astype(np.float32))

    def maps(self) -> tuple[Floats, Floats]:
        """As in Head. What a place says for the grade or a higher one, of the lowest grade for no higher one.

        The mean of such a map is the logit of that.
        """
        signs = np.ones(len(self.cuts) + 1, np.float32)
        signs[0] = -1
        return self.direction[:, None] * signs, -signs * self.cuts[[0, *range(len(self.cuts))]]

    def part(self) -> Part:  # noqa: D102 - as in Head
        nodes = [
            helper.make_node("MatMul", ["embedding", "head_kernel"], ["severity"], name="head"),
            helper.make_node("Sub", ["head_cuts", "severity"], ["logits"], name="cuts"),
            helper.make_node("Sigmoid", ["logits"], ["at_most"], name="sigmoid"),
            helper.make_node("Gemm", ["at_most", "head_steps", "head_last"], ["differences"], name="differences"),
            helper.make_node("Relu", ["differences"], ["probabilities"], name="probabilities"),  # rounding, below 0
        ]
        arrays = {"head_kernel": self.direction[:, None], "head_cuts": self.cuts, "head_steps": self._steps()}
        return Part(nodes, {**arrays, "head_last": self._last()})

    def _steps(self) -> Floats:
        """With `_last`, what turns the probabilities of at most each grade into those of each grade."""
        classes = len(self.cuts) + 1
        return np.asarray(np.eye(classes - 1, classes) - np.eye(classes - 1, classes, 1), np.float32)

    def _last(self) -> Floats:
        return np.asarray(np.eye(1, len(self.cuts) + 1, len(self.cuts))[0], np.float32)
