"""Pretrained networks as files that need no TensorFlow: made once for each backbone, weights and image size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime

from app.inference.arrays import Floats, Pixels
from app.training.batching import batches
from app.training.networks.graph import GRAPH

BATCH = 8  # larger batches need more memory and are no faster on a CPU
CODE = ("architectures.py", "backbones.py", "assembly.py")  # defines the network together with its weights


@dataclass(frozen=True)
class Frozen:
    """A pretrained network in the folder `cache`, which keeps its features, too.

    `key` is a hash of everything that the embeddings depend on except the images.
    """

    cache: Path
    key: str

    @property
    def folder(self) -> Path:
        """The folder with GRAPH (ONNX, outputs: embedding, features) and ARCHIVE (Keras, untrained head)."""
        return self.cache / "backbones" / self.key

    def embedder(self) -> Callable[[Pixels], Floats]:
        """Return a function from squares (n, size, size, 3) to embeddings (n, d) that uses all cores."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(self.folder / GRAPH, options, providers=["CPUExecutionProvider"])

        def embed(squares: Pixels) -> Floats:
            parts = [session.run(["embedding"], {"image": batch})[0] for batch in batches(squares, BATCH)]
            return np.concatenate(parts)

        return embed


def freeze(backbone: str, weights: Sequence[Path], size: int, cache: Path) -> Frozen:
    """Return the network from `cache`; if it is not there yet, load TensorFlow and make it.

    `size` is the side of its input in pixels. InvalidInput when a file of `weights` or the size does not fit the
    backbone. Several processes may call it at once.
    """
    frozen = Frozen(cache, _key(backbone, weights, size))
    folder = frozen.folder
    if not folder.is_dir():
        from app.training.networks.export import export_body  # noqa: PLC0415  # loads TensorFlow

        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=folder.parent) as name:
            made = Path(name) / frozen.key
            made.mkdir()
            export_body(backbone, weights, size, made)
            _move(made, folder)
    return frozen


def _move(made: Path, folder: Path) -> None:
    """Move it into place, unless another process was faster."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _key(backbone: str, weights: Sequence[Path], size: int) -> str:
    """A hash of the architecture's code, the weights and the size."""
    digest = hashlib.sha256(f"{backbone} {size}".encode())
    for path in (*(Path(__file__).with_name(name) for name in CODE), *weights):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
