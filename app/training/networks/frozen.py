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
from app.training.networks.backbones import get_backbone
from app.training.networks.graph import EIGHT_BITS, GRAPH

BATCH = 8  # bounds the memory, and larger batches gain nothing on a CPU
CODE = ("architectures.py", "assembly.py", "eight_bits.py")  # what shapes the network beside its row and its weights


@dataclass(frozen=True)
class Frozen:
    """A folder with the body as `graph` (outputs: embedding, features) and as ARCHIVE, a Keras model with a blank head.

    `key` is a hash of all that the embeddings depend on but the images. The archive is in float32 in any case.
    """

    folder: Path
    key: str
    graph: str = GRAPH

    def embedder(self) -> Callable[[Pixels], Floats]:
        """A function from squares (n, size, size, 3) to embeddings (n, d), on all cores."""
        session = self.session(os.cpu_count() or 1)

        def embed(squares: Pixels) -> Floats:
            parts = (squares[start : start + BATCH] for start in range(0, len(squares), BATCH))
            return np.concatenate([session.run(["embedding"], {"image": part})[0] for part in parts])

        return embed

    def session(self, threads: int) -> onnxruntime.InferenceSession:
        """The body in ONNX Runtime, on the processor."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(self.folder / self.graph, options, providers=["CPUExecutionProvider"])


def freeze(backbone: str, weights: Sequence[Path], size: int, cache: Path, *, float32: bool = False) -> Frozen:
    """The body from `cache`; loads TensorFlow and makes it where it is not there yet.

    In eight bits where the backbone's row says so, unless `float32`. InvalidInput when a file of `weights` does not fit
    or the size does not. Several processes may call it at once.
    """
    key, small = _key(backbone, weights, size), get_backbone(backbone).eight_bits
    folder = cache / "backbones" / key
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=folder.parent) as name:
            made = Path(name) / key
            made.mkdir()
            _make(backbone, weights, size, made)
            _move(made, folder)
    if small and not float32:
        return Frozen(folder, f"{key}-int8", EIGHT_BITS)
    return Frozen(folder, key)


def _make(backbone: str, weights: Sequence[Path], size: int, folder: Path) -> None:
    """Write the body to `folder`, in float32 and, where its row says so, in eight bits."""
    from app.training.networks.export import export_body  # noqa: PLC0415  # loads TensorFlow

    export_body(backbone, weights, size, folder)
    if get_backbone(backbone).eight_bits:
        from app.training.networks.eight_bits import write_eight_bits  # noqa: PLC0415  # loads onnx

        write_eight_bits(folder / GRAPH, folder / EIGHT_BITS, size)


def _move(made: Path, folder: Path) -> None:
    """Put it in place, unless another process was faster."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _key(backbone: str, weights: Sequence[Path], size: int) -> str:
    """A hash of the backbone's row, the code, the weights and the size."""
    digest = hashlib.sha256(f"{get_backbone(backbone)} {size}".encode())
    for path in (*(Path(__file__).with_name(name) for name in CODE), *weights):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
