"""Finds the training images most similar to an image by their embeddings, for a person to compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np

from app.errors import Unavailable
from app.inference.arrays import Floats, Integers

SIMILAR_NAME = "similar.npz"
MOST = 20  # neighbours of one answer
KEPT = 2000  # training images of a bundle, at most
_NUMBERS = 4_000_000  # of all kept embeddings together: 8 MB on disk, 16 MB in memory


@dataclass(frozen=True)
class Neighbour:
    """A training image: its class, the hash of its file, the file's name, and its distance from the image in question.

    `distance` is the cosine distance of the centred embeddings: 0 for the same direction, 1 for unrelated, 2 at most.
    """

    label: str
    sha256: str
    name: str
    distance: float


class Similar:
    """The embeddings (n, d) of training images with their `labels`, `hashes` and file `names` (n,)."""

    def __init__(self, embeddings: Floats, labels: list[str], hashes: list[str], names: list[str]) -> None:
        self._kept = np.asarray(embeddings, np.float16)
        self._labels, self._hashes, self._names = labels, hashes, names
        numbers = self._kept.astype(np.float32)
        self._centre = numbers.mean(axis=0)
        self._directions = _unit(numbers - self._centre)

    @classmethod
    def fit(cls, embeddings: Floats, labels: list[str], hashes: list[str], names: list[str]) -> Self:
        """Keep at most KEPT images, as many of each class as there is space for, spread evenly over their order."""
        rows = balanced(np.unique(labels, return_inverse=True)[1], min(KEPT, _NUMBERS // embeddings.shape[1]))
        chosen = [[each[row] for row in rows] for each in (labels, hashes, names)]
        return cls(embeddings[rows], *chosen)

    def nearest(self, embedding: Floats, count: int) -> list[Neighbour]:
        """The `count` images nearest to an embedding (d,), or all if there are fewer; the nearest first."""
        direction = _unit(np.asarray(embedding, np.float32)[None] - self._centre)[0]
        distances = 1 - self._directions @ direction
        order = np.argsort(distances, kind="stable")[:count]
        return [
            Neighbour(self._labels[row], self._hashes[row], self._names[row], max(0.0, float(distances[row])))
            for row in order
        ]

    def find(self, sha256: str) -> str | None:
        """The file name of a kept image; None when there is none of that hash."""
        return self._names[self._hashes.index(sha256)] if sha256 in self._hashes else None

    def save(self, path: Path) -> None:
        """Write a compressed .npz file."""
        texts = {"labels": self._labels, "hashes": self._hashes, "names": self._names}
        encoded = {key: np.array(values) for key, values in texts.items()}
        np.savez_compressed(path, embeddings=self._kept, **encoded)  # type: ignore[arg-type]  # numpy's stubs

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; Unavailable when the file is missing or no such file."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                texts = [file[key].tolist() for key in ("labels", "hashes", "names")]
                return cls(file["embeddings"], *texts)
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise Unavailable(f"{path.name} cannot be read; train or copy the model version again.") from error


def balanced(classes: Integers, most: int) -> Integers:
    """Rows of at most `most` of `classes` (n,), in order: small classes whole, the others the same number."""
    places = [np.flatnonzero(classes == each) for each in np.unique(classes)]
    left, chosen = most, []
    for index, rows in enumerate(sorted(places, key=len)):
        count = min(len(rows), left // (len(places) - index))
        chosen.append(rows[np.linspace(0, len(rows) - 1, count).astype(int)])
        left -= count
    return np.sort(np.concatenate(chosen))


def _unit(vectors: Floats) -> Floats:
    """Vectors (n, d) of length 1; those of no length stay 0."""
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))
