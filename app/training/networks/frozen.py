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
from app.training.networks.graph import GRAPH

BATCH = 8  # bounds the memory, and larger batches gain nothing on a CPU
CODE = ("architectures.py", "backbones.py", "assembly.py")  # what shapes the network beside its weights


@dataclass(frozen=True)
class Frozen:
    """A folder with the body as GRAPH (outputs: embedding, features) and as ARCHIVE, a Keras model with a blank head.

    `key` is a hash of all that the embeddings depend on but the images.
    """

    folder: Path
    key: str

    def embedder(self) -> Callable[[Pixels], Floats]:
        """A function from squares (n, size, size, 3) to embeddings (n, d), on all cores."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(self.folder / GRAPH, options, providers=["CPUExecutionProvider"])

        def embed(squares: Pixels) -> Floats:
            parts = (squares[start : start + BATCH] for start in range(0, len(squares), BATCH))
            return np.concatenate([session.run(["embedding"], {"image": part})[0] for part in parts])

        return embed


def freeze(backbone: str, weights: Sequence[Path], size: int, cache: Path) -> Frozen:
    """The body from `cache`; loads TensorFlow and makes it where it is not there yet.

    InvalidInput when a file of `weights` does not fit or the size does not. Several processes may call it at once.
    """
    key = _key(backbone, weights, size)
    folder = cache / "backbones" / key
    if not folder.is_dir():
        from app.training.networks.export import export_body  # noqa: PLC0415  # loads TensorFlow

        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=folder.parent) as name:
            made = Path(name) / key
            made.mkdir()
            export_body(backbone, weights, size, made)
            _move(made, folder)
    return Frozen(folder, key)


def _move(made: Path, folder: Path) -> None:
    """Put it in place, unless another process was faster."""
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
