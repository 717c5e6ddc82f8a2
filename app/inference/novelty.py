"""How far is this image from everything the model was trained on? Measured in the network's embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np

from app.errors import InvalidInput, Unavailable
from app.inference.arrays import Floats, Integers

NOVELTY_NAME = "novelty.npz"
_FEWEST = 2
_RANK = 16  # directions of the covariance that are kept: 80 KB at the 1280 dimensions of MobileNetV2


class Novelty:
    """Class-conditional Mahalanobis distance (Lee et al., NeurIPS 2018), shared covariance.

    The covariance keeps its strongest directions and gives all others their mean variance (probabilistic PCA,
    Tipping & Bishop, 1999), so that it is sound with fewer images than dimensions and small on disk. `means`
    (classes, d), orthonormal `directions` (d, rank), their `variances` (rank,), `rest`: that of all others.
    """

    def __init__(self, means: Floats, directions: Floats, variances: Floats, rest: float) -> None:
        self._means = np.asarray(means, np.float32)
        self._directions = np.asarray(directions, np.float32)
        self._variances = np.asarray(variances, np.float32)
        self._rest = np.float32(rest)

    @classmethod
    def fit(cls, embeddings: Floats, labels: Integers) -> Self:
        """Fit to training embeddings (n, d) and class indices (n,); InvalidInput with too few images."""
        if len(embeddings) < _FEWEST or len(embeddings) != len(labels):
            raise InvalidInput("Novelty needs the embeddings of at least two images, and a label for each.")
        embeddings = np.asarray(embeddings, np.float64)
        classes, index = np.unique(labels, return_inverse=True)
        means = np.stack([embeddings[index == i].mean(axis=0) for i in range(len(classes))])
        centred = embeddings - means[index]
        variances, directions = _strongest(centred)
        total, (n, d) = float((centred**2).sum()) / len(centred), centred.shape
        rest = max(0.0, total - float(variances.sum())) / max(1, d - len(variances))
        smallest = max(1e-6, 1e-3 * total / min(n, d))
        return cls(means, directions, np.maximum(variances, smallest), max(rest, smallest))

    def distance(self, embeddings: Floats) -> Floats:
        """Distance (n,) of embeddings (n, d) to the nearest class."""
        offset = np.asarray(embeddings, np.float32)[:, None, :] - self._means
        along = offset @ self._directions
        outside = np.maximum((offset**2).sum(axis=-1) - (along**2).sum(axis=-1), 0)
        squared = (along**2 / self._variances).sum(axis=-1) + outside / self._rest
        return np.asarray(np.sqrt(squared.min(axis=1) / embeddings.shape[1]))

    def save(self, path: Path) -> None:
        """Write a compressed .npz file."""
        np.savez_compressed(
            path,
            means=self._means,
            directions=self._directions,
            variances=self._variances,
            rest=self._rest,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; Unavailable when the file is missing or no such file."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return cls(file["means"], file["directions"], file["variances"], float(file["rest"]))
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise Unavailable(f"{path.name} cannot be read; train or copy the model version again.") from error


def _strongest(centred: Floats) -> tuple[Floats, Floats]:
    """The largest variances (rank,) of rows (n, d), and their directions (d, rank).

    From the eigenvectors of the smaller of the two products, which takes a fraction of a decomposition's time.
    """
    n, d = centred.shape
    rank = min(_RANK, min(n, d) - 1)
    values, vectors = np.linalg.eigh(centred.T @ centred if d <= n else centred @ centred.T)
    largest = slice(len(values) - 1, len(values) - 1 - rank, -1)
    values, vectors = np.maximum(values[largest], 0), vectors[:, largest]
    if d > n:
        vectors = centred.T @ vectors
        lengths = np.linalg.norm(vectors, axis=0)
        vectors /= np.maximum(lengths, max(1e-12, 1e-5 * float(lengths.max())))  # what is only rounding stays small
    return values / n, vectors
