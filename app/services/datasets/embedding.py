"""What the serving model sees in the images of a dataset, where it learned to see from others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from app.classifiers.card import Card
from app.inference.arrays import Floats
from app.inference.engine import OnnxEngine
from app.inference.image.decode import decode
from app.inference.image.preprocess import preprocess
from app.store.files import Files
from app.store.registry import Registry
from app.training.progress import Progress

FROZEN: Final = "head"  # the mode whose network was never trained on the dataset, so that it knows none of its labels


class Embedding:
    """The champion's embeddings, computed once for each image."""

    def __init__(self, files: Files, registry: Registry) -> None:
        self._files = files
        self._registry = registry

    def embed(self, classifier: str, hashes: Sequence[str], progress: Progress) -> tuple[Floats, str] | None:
        """Return (n, d) and what saw it; None where no frozen network serves.

        A network that was trained on these images, if only its upper layers, may have learned wrong labels by heart,
        and would agree with them.
        """
        version = self._registry.alias(classifier, "champion")
        if version is None:
            return None
        card = self._registry.card(classifier, version)
        if card.demo or card.mode != FROZEN:
            return None
        engine = OnnxEngine(self._registry.folder(classifier, version) / OnnxEngine.file_name)
        see = partial(_embed, engine, card)
        found = []
        for sha256 in hashes:
            kept = self._files.derived(sha256, f"embedding-{card.files[OnnxEngine.file_name][:16]}", see)
            found.append(np.frombuffer(kept, np.float32))
            progress("embedding", len(found), len(hashes))
        return np.stack(found), f"the embedding of the serving model, version {version} ({card.backbone}),"


def _embed(engine: OnnxEngine, card: Card, data: bytes) -> bytes:
    square = preprocess(decode(data, min_side=card.preprocessing.size).pixels, card.preprocessing)
    embedding: Floats = engine.run(square[None]).embedding[0]
    return bytes(embedding.astype(np.float32).tobytes())
