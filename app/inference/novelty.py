"""How far a photograph is from everything that the model was trained on, by what it shows and by how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np

from app.errors import InvalidInput, Unavailable
from app.inference.arrays import Floats, Integers

NOVELTY_NAME = "novelty.npz"
EMBEDDING, APPEARANCE = "embedding", "appearance"
PERCENTILE = 95  # of the distances of images that were kept out: what lies beyond is called new
_FEWEST = 2
_RANK = 16  # directions of the covariance that are kept: 80 KB at the 1280 dimensions of MobileNetV2

Views = Mapping[str, Floats]
"""Points (n, d) by the name of the view: EMBEDDING, the network's, and APPEARANCE, of `app.inference.image`."""


class Mahalanobis:
    """Class-conditional Mahalanobis distance (Lee et al., NeurIPS 2018), shared covariance.

    The covariance keeps its strongest directions and gives all others their mean variance (probabilistic PCA,
    Tipping & Bishop, 1999), so that it is sound with fewer images than dimensions and small on disk. `means`
    (classes, d), orthonormal `directions` (d, rank), their `variances` (rank,), `rest`: that of all others; all of
    points that were divided by `scales` (d,).
    """

    def __init__(
        self, means: Floats, directions: Floats, variances: Floats, rest: float, scales: Floats | None = None
    ) -> None:
        self._means = np.asarray(means, np.float32)
        self._directions = np.asarray(directions, np.float32)
        self._variances = np.asarray(variances, np.float32)
        self._rest = np.float32(rest)
        self._scales = np.ones(self._means.shape[1], np.float32) if scales is None else np.asarray(scales, np.float32)

    @classmethod
    def fit(cls, points: Floats, labels: Integers, *, scaled: bool = False) -> Self:
        """Fit to points (n, d) and class indices (n,), `scaled`: each dimension by its deviation within the classes."""
        points = np.asarray(points, np.float64)
        classes, index = np.unique(labels, return_inverse=True)
        means = np.stack([points[index == i].mean(axis=0) for i in range(len(classes))])
        centred = points - means[index]
        scales = np.maximum(centred.std(axis=0), 1e-2) if scaled else np.ones(points.shape[1])
        means, centred = means / scales, centred / scales
        variances, directions = _strongest(centred)
        total, (n, d) = float((centred**2).sum()) / len(centred), centred.shape
        rest = max(0.0, total - float(variances.sum())) / max(1, d - len(variances))
        smallest = max(1e-6, 1e-3 * total / min(n, d))
        return cls(means, directions, np.maximum(variances, smallest), max(rest, smallest), scales)

    def distance(self, points: Floats) -> Floats:
        """Distance (n,) of points (n, d) to the nearest class."""
        offset = np.asarray(points, np.float32)[:, None, :] / self._scales - self._means
        along = offset @ self._directions
        outside = np.maximum((offset**2).sum(axis=-1) - (along**2).sum(axis=-1), 0)
        squared = (along**2 / self._variances).sum(axis=-1) + outside / self._rest
        return np.asarray(np.sqrt(squared.min(axis=1) / points.shape[1]))

    def arrays(self) -> dict[str, Floats]:
        """What it consists of, by the names of its parameters."""
        return {
            "means": self._means, "directions": self._directions, "variances": self._variances,
            "rest": np.asarray(self._rest), "scales": self._scales,
        }  # fmt: skip


class Novelty:
    """The largest of the distances of several views, each in units of its limit.

    A photograph may be new by what it shows or by how it looks, and either is enough. A view's limit is the distance
    that 5 % of the images kept out of a fit exceed.
    """

    def __init__(self, distances: Mapping[str, Mahalanobis], limits: Mapping[str, float]) -> None:
        self._distances, self._limits = dict(distances), dict(limits)

    @property
    def views(self) -> tuple[str, ...]:
        """The names of the views that `score` needs."""
        return tuple(self._distances)

    @classmethod
    def fit(
        cls, views: Views, labels: Integers, folds: Sequence[tuple[Integers, Integers]], known: Integers
    ) -> tuple[Self, float]:
        """Fit to the rows `known`; return it with the score that 5 % of the rows kept out by `folds` exceed.

        `folds` are rows to learn from and rows kept out. InvalidInput with fewer than two images.
        """
        if len(known) < _FEWEST:
            raise InvalidInput("Novelty needs at least two images.")
        kept_out = {
            name: np.concatenate([_fit(name, points, labels, rows).distance(points[rest]) for rows, rest in folds])
            for name, points in views.items()
        }
        limits = {name: max(float(np.percentile(each, PERCENTILE)), 1e-6) for name, each in kept_out.items()}
        found = cls({name: _fit(name, points, labels, known) for name, points in views.items()}, limits)
        worst = np.max([kept_out[name] / limits[name] for name in views], axis=0)
        return found, float(np.percentile(worst, PERCENTILE))

    def score(self, views: Views) -> Floats:
        """How new each image is (n,)."""
        ratios = [each.distance(views[name]) / self._limits[name] for name, each in self._distances.items()]
        return np.asarray(np.max(ratios, axis=0))

    def save(self, path: Path) -> None:
        """Write a compressed .npz file."""
        arrays = {f"{name}_limit": np.asarray(limit) for name, limit in self._limits.items()}
        for name, each in self._distances.items():
            arrays |= {f"{name}_{key}": value for key, value in each.arrays().items()}
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # numpy's stubs

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, or its predecessor; Unavailable when the file is missing or no such file."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = dict(file)
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise _unreadable(path) from error
        try:
            if "means" in arrays:  # of a bundle from before there was a second view
                return cls({EMBEDDING: _read(arrays, "")}, {EMBEDDING: 1.0})
            names = [name for name in (EMBEDDING, APPEARANCE) if f"{name}_limit" in arrays]
            distances = {name: _read(arrays, f"{name}_") for name in (names or [EMBEDDING])}
            return cls(distances, {name: float(arrays[f"{name}_limit"]) for name in names})
        except (ValueError, KeyError) as error:
            raise _unreadable(path) from error


def _fit(name: str, points: Floats, labels: Integers, rows: Integers) -> Mahalanobis:
    return Mahalanobis.fit(points[rows], labels[rows], scaled=name == APPEARANCE)


def _read(arrays: Mapping[str, Floats], prefix: str) -> Mahalanobis:
    means, directions, variances = (arrays[f"{prefix}{key}"] for key in ("means", "directions", "variances"))
    return Mahalanobis(means, directions, variances, float(arrays[f"{prefix}rest"]), arrays.get(f"{prefix}scales"))


def _unreadable(path: Path) -> Unavailable:
    return Unavailable(f"{path.name} cannot be read; train or copy the model version again.")


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
