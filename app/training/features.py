"""Frozen features of a training run's images: computed once for each image, backbone and preprocessing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from app.classifiers.spec import Preprocessing, TrainingSpec
from app.inference import decode, preprocess
from app.inference.arrays import Floats, Pixels
from app.inference.quality import measure
from app.training.feature_store import FeatureStore, Stored, View
from app.training.frozen import Frozen
from app.training.progress import Progress
from app.training.samples import THREADS, Sample, read_square

CHUNK = 32  # images at a time: bounds the memory, and is the unit of what a kill can lose
FLIPS: Mapping[str, tuple[slice, ...]] = {
    "": (),
    "horizontal": (slice(None), slice(None, None, -1)),
    "vertical": (slice(None, None, -1),),
}


@dataclass(frozen=True)
class Features:
    """`embeddings` (n, d) of the images as they are, with their quality `measures` (n,) by name.

    `flipped` holds those of the training images' mirror images, one array for each flip that the spec allows, in the
    order of the training images.
    """

    embeddings: Floats
    measures: dict[str, Floats]
    flipped: tuple[Floats, ...]


def compute(
    frozen: Frozen,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    spec: TrainingSpec,
    cache: Path,
    progress: Progress,
) -> Features:
    """The features of all samples, from `cache` where it holds them; InvalidInput names an unreadable file."""
    store = FeatureStore(cache / "features" / f"{_key(frozen, preprocessing)}.sqlite")
    flips = [
        name for name, allowed in (("horizontal", spec.flip_horizontal), ("vertical", spec.flip_vertical)) if allowed
    ]
    plain = [View(sample.sha256, "") for sample in samples]
    mirrored = [[View(each.sha256, flip) for each in samples if each.split == "train"] for flip in flips]
    wanted = [*plain, *(view for views in mirrored for view in views)]
    known = store.read(wanted)
    missing = sorted(set(wanted) - set(known))
    total = len(known) + len(missing)
    if missing:
        paths = {sample.sha256: sample.path for sample in samples}
        for views, stored in _computed(frozen, missing, paths, preprocessing):
            store.add(views, stored)
            known.update(zip(views, stored, strict=True))
            progress("reading images", len(known), total)
    progress("reading images", total, total)
    measures = [known[view].measures for view in plain]
    return Features(
        np.stack([known[view].embedding for view in plain]),
        {name: np.array([each[name] for each in measures]) for name in measures[0]},
        tuple(np.stack([known[view].embedding for view in views]) for views in mirrored),
    )


def _computed(
    frozen: Frozen, views: Sequence[View], paths: Mapping[str, Path], preprocessing: Preprocessing
) -> Iterator[tuple[Sequence[View], Sequence[Stored]]]:
    """Look at the images chunk by chunk; the next chunk is read while the network sees the present one.

    `views` are sorted, so that each image is read once.
    """
    embed = frozen.embedder()

    def read(looks: Sequence[View]) -> tuple[Pixels, dict[str, float]]:
        square = read_square(paths[looks[0].sha256], preprocessing)
        return np.stack([square[FLIPS[view.flip]] for view in looks]), measure(square)

    images = [list(looks) for _, looks in groupby(views, key=lambda view: view.sha256)]
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    with ThreadPoolExecutor(THREADS) as pool:
        coming = pool.map(read, chunks[0])
        for chunk, following in zip(chunks, [*chunks[1:], ()], strict=True):
            squares, measures = zip(*coming, strict=True)
            coming = pool.map(read, following)
            embeddings = iter(embed(np.concatenate(squares)))
            of_views = [(view, found) for looks, found in zip(chunk, measures, strict=True) for view in looks]
            yield [view for view, _ in of_views], [Stored(next(embeddings), found) for _, found in of_views]


def _key(frozen: Frozen, preprocessing: Preprocessing) -> str:
    """A hash of the body, the preprocessing and its code: other code may see other squares."""
    digest = hashlib.sha256(f"{frozen.key} {preprocessing.model_dump_json()}".encode())
    for module in (decode, preprocess):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:32]
