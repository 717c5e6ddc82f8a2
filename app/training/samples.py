"""The images of a training run, read once into an array on disk, so that memory stays flat."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from app.classifiers.spec import SPLITS, Preprocessing, Split
from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers, Pixels
from app.inference.decode import decode
from app.inference.preprocess import preprocess
from app.inference.quality import measure
from app.training.progress import Progress

THREADS = min(8, os.cpu_count() or 1)  # decoding releases the interpreter's lock


@dataclass(frozen=True)
class Sample:
    """One labelled image: its file, the hash of its content, its class, split and patient, and where it comes from."""

    path: Path
    sha256: str
    label: str
    split: Split
    group: str
    source: str = ""


class Squares(Protocol):
    """Preprocessed images, uint8 (n, size, size, 3): an array, or what is read from the files when it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, size, size, 3)."""

    def __len__(self) -> int:
        """The number of images."""

    def __getitem__(self, rows: slice | Integers, /) -> Pixels:
        """Some of them."""


@dataclass(frozen=True)
class Images:
    """Preprocessed `squares` (n, size, size, 3) with their class indices `labels` (n,) and quality `measures` (n,).

    `rows` are the row numbers of each split. `answers`, where they are known already: the probabilities (n, classes)
    and embeddings (n, d) that `model.onnx` gives.
    """

    squares: Squares
    labels: Integers
    measures: dict[str, Floats]
    rows: dict[Split, Integers]
    answers: tuple[Floats, Floats] | None = None


class LazySquares:
    """Squares that are read when they are asked for, and never kept."""

    def __init__(self, samples: Sequence[Sample], preprocessing: Preprocessing) -> None:
        size = preprocessing.size
        assert size is not None  # noqa: S101  # the trainer has set it
        self._samples, self._preprocessing = samples, preprocessing
        self.shape = (len(samples), size, size, 3)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, rows: slice | Integers, /) -> Pixels:
        chosen = np.arange(len(self))[rows]
        return np.stack([read_square(self._samples[row].path, self._preprocessing) for row in chosen])


def read_square(path: Path, preprocessing: Preprocessing) -> Pixels:
    """The square that the network sees; InvalidInput names a file that cannot be read."""
    try:
        return preprocess(decode(path.read_bytes(), min_side=preprocessing.size).pixels, preprocessing)
    except (OSError, InvalidInput) as error:
        raise InvalidInput(f"{path.name}: {error} Remove it from the data.") from error


def read_images(
    samples: Sequence[Sample],
    classes: Sequence[str],
    preprocessing: Preprocessing,
    folder: Path,
    progress: Progress,
) -> Images:
    """Read every sample into one array in a file of `folder`; a file takes size * size * 3 bytes there."""
    size = preprocessing.size
    assert size is not None  # noqa: S101  # the trainer has set it
    squares = np.memmap(folder / "squares", np.uint8, "w+", shape=(len(samples), size, size, 3))

    def read(row: int) -> dict[str, float]:
        squares[row] = read_square(samples[row].path, preprocessing)
        return measure(squares[row])

    found = []
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for measures in pool.map(read, range(len(samples))):
                found.append(measures)
                progress("reading images", len(found), len(samples))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    measured = {name: np.array([each[name] for each in found]) for name in found[0]}
    return Images(squares, label_indices(samples, classes), measured, split_rows(samples))


def label_indices(samples: Sequence[Sample], classes: Sequence[str]) -> Integers:
    """The class index (n,) of each sample."""
    return np.array([classes.index(sample.label) for sample in samples])


def split_rows(samples: Sequence[Sample]) -> dict[Split, Integers]:
    """The row numbers of each split."""
    splits = np.array([sample.split for sample in samples])
    return {split: np.flatnonzero(splits == split) for split in SPLITS}
