"""Frozen features of a training run's images: computed once for each image, backbone and preprocessing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import ModuleType

import numpy as np

from app.classifiers.spec import Preprocessing, TrainingSpec
from app.inference.arrays import Floats, Pixels
from app.inference.image import appearance, decode, preprocess, quality
from app.training.batching import batches
from app.training.data import augmentation
from app.training.data.samples import THREADS, Sample, read_frame
from app.training.heads.feature_store import FeatureStore, Stored, View
from app.training.networks.frozen import Frozen
from app.training.progress import Progress

CHUNK = 32  # images at a time: bounds the memory, and is the unit of what a kill can lose
AS_IT_IS = ""


@dataclass(frozen=True)
class Features:
    """`embeddings` (n, d) of the images as they are, with their quality `measures` (n,) by name.

    `appearance` (n, k) are the statistics of `app.inference.image.appearance`.
    `varied` are the embeddings of varied copies of the images that are not for testing, each (m, d), in their order.
    """

    embeddings: Floats
    measures: dict[str, Floats]
    appearance: Floats
    varied: tuple[Floats, ...]


def compute(
    frozen: Frozen,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    spec: TrainingSpec,
    progress: Progress,
) -> Features:
    """The features of all samples, from the cache where it has them; InvalidInput names an unreadable file."""
    store = _store(frozen, preprocessing)
    plain = [View(sample.sha256, AS_IT_IS) for sample in samples]
    varied = [[View(each.sha256, copy) for each in samples if each.split != "test"] for copy in _copies(spec)]
    wanted = {*plain, *(view for views in varied for view in views)}
    known = store.read(wanted)
    missing = sorted(wanted - set(known))
    total = len(known) + len(missing)
    progress("reading images", len(known), total)
    if missing:
        paths = {sample.sha256: sample.path for sample in samples}
        for views, stored in _computed(frozen, missing, paths, preprocessing, spec):
            store.add(views, stored)
            known.update(zip(views, stored, strict=True))
            progress("reading images", len(known), total)
    measures = [known[view].measures for view in plain]
    return Features(
        np.stack([known[view].embedding for view in plain]),
        {name: np.array([each[name] for each in measures]) for name in measures[0]},
        np.stack([known[view].appearance for view in plain]),
        tuple(np.stack([known[view].embedding for view in views]) for views in varied),
    )


def are_known(frozen: Frozen, hashes: Sequence[str], preprocessing: Preprocessing) -> bool:
    """Whether the features of all these images are kept, so that `compute` has nothing to do but read them."""
    return _store(frozen, preprocessing).has_all(hashes, AS_IT_IS)


def _store(frozen: Frozen, preprocessing: Preprocessing) -> FeatureStore:
    return FeatureStore(frozen.cache / "features" / f"{_key(frozen, preprocessing)}.sqlite")


def _computed(
    frozen: Frozen,
    views: Sequence[View],
    paths: Mapping[str, Path],
    preprocessing: Preprocessing,
    spec: TrainingSpec,
) -> Iterator[tuple[Sequence[View], Sequence[Stored]]]:
    """Compute features chunk by chunk; the next chunk is read while the network works on the present one.

    `views` are sorted, so that each image is read once.
    """
    embed = frozen.embedder()

    def read(of_image: Sequence[View]) -> tuple[Pixels, dict[str, float], Floats]:
        framed = read_frame(paths[of_image[0].sha256], preprocessing)
        seen = np.stack([preprocess.even_out(_seen(framed, view, spec), preprocessing) for view in of_image])
        return seen, quality.measure(framed), appearance.describe(framed)

    images = [list(found) for _, found in groupby(views, key=lambda view: view.sha256)]
    chunks = list(batches(images, CHUNK))
    with ThreadPoolExecutor(THREADS) as pool:
        coming = pool.map(read, chunks[0])
        for chunk, following in zip(chunks, [*chunks[1:], ()], strict=True):
            squares, *known = zip(*coming, strict=True)
            coming = pool.map(read, following)
            embeddings = iter(embed(np.concatenate(squares)))
            of_views = [(view, found) for own, *found in zip(chunk, *known, strict=True) for view in own]
            yield [view for view, _ in of_views], [Stored(next(embeddings), *found) for _, found in of_views]


def _copies(spec: TrainingSpec) -> list[str]:
    """Return the names of the varied copies; they change with the settings and the code of the variation."""
    how = f"{spec.flip_horizontal} {spec.flip_vertical} {spec.turn}, before the contrast is normalised"
    key = hashlib.sha256(how.encode() + _code(augmentation)).hexdigest()[:16]
    return [f"varied {key} {number}" for number in range(spec.varied)]


def _seen(framed: Pixels, view: View, spec: TrainingSpec) -> Pixels:
    """Return the image or its varied copy, which is the same every time; its contrast is normalised after that."""
    if view.copy == AS_IT_IS:
        return framed
    seed = hashlib.sha256(" ".join(view).encode()).digest()
    return augmentation.vary(framed, spec, np.random.default_rng(list(seed)))


def _key(frozen: Frozen, preprocessing: Preprocessing) -> str:
    """A hash of the body, the preprocessing and its code: other code may see other squares."""
    digest = hashlib.sha256(f"{frozen.key} {preprocessing.model_dump_json()}".encode())
    for module in (appearance, decode, preprocess, quality):
        digest.update(_code(module))
    return digest.hexdigest()[:32]


def _code(module: ModuleType) -> bytes:
    return Path(str(module.__file__)).read_bytes()
