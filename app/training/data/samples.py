"""The images of a training run, read once into an array on disk, so that memory stays flat."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from app.classifiers.spec import SPLITS, Preprocessing, Split
from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers, Pixels
from app.inference.image.appearance import describe
from app.inference.image.decode import decode
from app.inference.image.preprocess import even_out, frame
from app.inference.image.quality import measure
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


Vary = Callable[[Pixels], Pixels]


class Squares(Protocol):
    """Preprocessed images, uint8 (n, size, size, 3): kept on disk, or read from the files at each access."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, size, size, 3)."""

    def __len__(self) -> int:
        """The number of images."""

    def __getitem__(self, rows: slice | Integers, /) -> Pixels:
        """Some of them."""

    def varied(self, rows: Integers, vary: Vary) -> Pixels:
        """Some of them, varied before their contrast is normalised, as photographs vary."""


class Answers(NamedTuple):
    """The outputs of a network for all images: `probabilities` (n, classes) and `embeddings` (n, d).

    `fair` (n, classes): what it, or one like it, answers to images that it did not learn from; they are the second
    rows of each of `folds`, whose first rows were learned from for that. `elsewhere` (n, classes): what one like it
    answers that learned from no image of the same source; nan, or None, where there is none.
    """

    probabilities: Floats
    embeddings: Floats
    fair: Floats
    folds: list[tuple[Integers, Integers]]
    elsewhere: Floats | None = None


@dataclass(frozen=True)
class Images:
    """Preprocessed `squares` (n, size, size, 3) with their class indices `labels` (n,) and quality `measures` (n,).

    `appearance` (n, k) are the statistics of `app.inference.image.appearance`.
    `rows` are the row numbers of each split. `answers` are those of `model.onnx`, where they are known already.
    """

    squares: Squares
    labels: Integers
    measures: dict[str, Floats]
    appearance: Floats
    rows: dict[Split, Integers]
    answers: Answers | None = None


class LazySquares:
    """Squares that are read from the files at each access, and not kept."""

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

    def varied(self, rows: Integers, vary: Vary) -> Pixels:  # noqa: D102 - as in Squares
        frames = (read_frame(self._samples[row].path, self._preprocessing) for row in rows)
        return np.stack([even_out(vary(each), self._preprocessing) for each in frames])


class KeptSquares:
    """Images that were cropped and resized once, `frames` (n, size, size, 3), and whose contrast is normalised here."""

    def __init__(self, frames: Pixels, preprocessing: Preprocessing) -> None:
        self._frames, self._preprocessing = frames, preprocessing
        self.shape: tuple[int, ...] = frames.shape

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, rows: slice | Integers, /) -> Pixels:
        return np.stack([even_out(each, self._preprocessing) for each in self._frames[rows]])

    def varied(self, rows: Integers, vary: Vary) -> Pixels:  # noqa: D102 - as in Squares
        return np.stack([even_out(vary(each), self._preprocessing) for each in self._frames[rows]])


def read_square(path: Path, preprocessing: Preprocessing) -> Pixels:
    """The square that the network sees; InvalidInput names a file that cannot be read."""
    return even_out(read_frame(path, preprocessing), preprocessing)


def read_frame(path: Path, preprocessing: Preprocessing) -> Pixels:
    """The same before the contrast is normalised, for measuring quality; InvalidInput as above."""
    try:
        return frame(decode(path.read_bytes(), min_side=preprocessing.size).pixels, preprocessing)
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
    with (folder / "squares").open(
        "wb"
    ) as file:  # now, with an error: on a full disk, writing to the mapped file would kill the process
        if hasattr(os, "posix_fallocate"):  # macOS has none
            os.posix_fallocate(file.fileno(), 0, len(samples) * size * size * 3)
    frames = np.memmap(folder / "squares", np.uint8, "r+", shape=(len(samples), size, size, 3))

    def read(row: int) -> tuple[dict[str, float], Floats]:
        frames[row] = framed = read_frame(samples[row].path, preprocessing)
        return measure(framed), describe(framed)

    found, looks = [], []
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for measures, appearance in pool.map(read, range(len(samples))):
                found.append(measures)
                looks.append(appearance)
                progress("reading images", len(found), len(samples))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    measured = {name: np.array([each[name] for each in found]) for name in found[0]}
    squares = KeptSquares(frames, preprocessing)
    return Images(squares, label_indices(samples, classes), measured, np.stack(looks), split_rows(samples))


def label_indices(samples: Sequence[Sample], classes: Sequence[str]) -> Integers:
    """The class index (n,) of each sample."""
    return np.array([classes.index(sample.label) for sample in samples])


def split_rows(samples: Sequence[Sample]) -> dict[Split, Integers]:
    """The row numbers of each split."""
    splits = np.array([sample.split for sample in samples])
    return {split: np.flatnonzero(splits == split) for split in SPLITS}
