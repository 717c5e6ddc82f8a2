"""The images of a training run, read once into an array on disk, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.classifiers.spec import SPLITS, Preprocessing, Split
from app.errors import InvalidInput
from app.inference.arrays import Floats, Integers, Pixels
from app.inference.decode import decode
from app.inference.preprocess import preprocess
from app.inference.quality import measure
from app.training.progress import Progress

THREADS = 2  # decoding releases the interpreter's lock


@dataclass(frozen=True)
class Sample:
    """One labelled image: its file, the hash of its content, its class, split and patient, and where it comes from."""

    path: Path
    sha256: str
    label: str
    split: Split
    group: str
    source: str = ""


@dataclass(frozen=True)
class Images:
    """Preprocessed `squares` (n, size, size, 3) with their class indices `labels` (n,) and quality `measures` (n,).

    `rows` are the row numbers of each split.
    """

    squares: Pixels
    labels: Integers
    measures: dict[str, Floats]
    rows: dict[Split, Integers]


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
    splits = np.array([sample.split for sample in samples])
    return Images(
        squares,
        np.array([classes.index(sample.label) for sample in samples]),
        {name: np.array([each[name] for each in found]) for name in found[0]},
        {split: np.flatnonzero(splits == split) for split in SPLITS},
    )
