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
from app.training.networks.backbones import get_backbone
from app.training.networks.graph import EIGHT_BITS, GRAPH

BATCH = 8  # larger batches need more memory and are no faster on a CPU
CODE = ("architectures.py", "assembly.py", "eight_bits.py")  # defines the network together with its row and weights


@dataclass(frozen=True)
class Frozen:
    """A pretrained network in the folder `cache`, which keeps its features, too.

    `body` is a hash of everything that the embeddings depend on except the images. `eight_bits`: whether the
    convolutions compute in eight bits; ARCHIVE is in float32 in any case.
    """

    cache: Path
    body: str
    eight_bits: bool = False

    @property
    def key(self) -> str:
        """The name of the features."""
        return f"{self.body}-int8" if self.eight_bits else self.body

    @property
    def graph(self) -> Path:
        """The ONNX file (outputs: embedding, features)."""
        return self.folder / (EIGHT_BITS if self.eight_bits else GRAPH)

    @property
    def folder(self) -> Path:
        """The folder with GRAPH, perhaps EIGHT_BITS, and ARCHIVE (Keras, untrained head)."""
        return self.cache / "backbones" / self.body

    def embedder(self) -> Callable[[Pixels], Floats]:
        """Return a function from squares (n, size, size, 3) to embeddings (n, d) that uses all cores."""
        session = self.session(os.cpu_count() or 1)

        def embed(squares: Pixels) -> Floats:
            parts = [session.run(["embedding"], {"image": batch})[0] for batch in batches(squares, BATCH)]
            return np.concatenate(parts)

        return embed

    def session(self, threads: int) -> onnxruntime.InferenceSession:
        """The body in ONNX Runtime, on the processor."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])


def freeze(backbone: str, weights: Sequence[Path], size: int, cache: Path, *, float32: bool = False) -> Frozen:
    """Return the network from `cache`; if it is not there yet, load TensorFlow and make it.

    `size` is the side of its input in pixels. It computes in eight bits where the backbone's row says so, unless
    `float32`. InvalidInput when a file of `weights` or the size does not fit the backbone. Several processes may call
    it at once.
    """
    frozen = locate(backbone, weights, size, cache, float32=float32)
    folder = frozen.folder
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=folder.parent) as name:
            made = Path(name) / frozen.body
            made.mkdir()
            _make(backbone, weights, size, made)
            _move(made, folder)
    return frozen


def locate(backbone: str, weights: Sequence[Path], size: int, cache: Path, *, float32: bool = False) -> Frozen:
    """Return what `freeze` returns, whether or not it is there."""
    eight_bits = get_backbone(backbone).eight_bits and not float32
    return Frozen(cache, _key(backbone, weights, size), eight_bits)


def _make(backbone: str, weights: Sequence[Path], size: int, folder: Path) -> None:
    """Write the body to `folder`, in float32 and, where its row says so, in eight bits."""
    from app.training.networks.export import export_body  # noqa: PLC0415  # loads TensorFlow

    export_body(backbone, weights, size, folder)
    if get_backbone(backbone).eight_bits:
        from app.training.networks.eight_bits import write_eight_bits  # noqa: PLC0415  # loads onnx

        write_eight_bits(folder / GRAPH, folder / EIGHT_BITS, size)


def _move(made: Path, folder: Path) -> None:
    """Move it into place, unless another process was faster."""
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
