"""Pretrained networks as files that need no TensorFlow: made once for each backbone, weights and image size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime

from app.inference.arrays import Floats, Pixels
from app.training.batching import batches
from app.training.networks.backbones import get_backbone
from app.training.networks.graph import EIGHT_BITS, GRAPH
from app.training.networks.own import MODEL, read_body

BATCH = 8  # larger batches need more memory and are no faster on a CPU
_HERE = Path(__file__).parent
CODE = [
    _HERE / name for name in ("architectures.py", "assembly.py", "eight_bits.py")
]  # with row and weights: the network
OWN_CODE = [_HERE / name for name in ("own.py", "own_graph.py", "eight_bits.py")]


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
        """The ONNX file (outputs: embedding and, where the network has a feature map, features)."""
        return self.folder / (EIGHT_BITS if self.eight_bits else GRAPH)

    @property
    def folder(self) -> Path:
        """The folder with GRAPH, perhaps EIGHT_BITS, and, of a network that Keras made, ARCHIVE (untrained head)."""
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
    """Return the network from `cache`; if it is not there yet, make it (of a user's ONNX file without TensorFlow).

    `size` is the side of its input in pixels. It computes in eight bits where it was made so, unless `float32`.
    InvalidInput when a file of `weights` or the size does not fit the backbone. Several processes may call it at once.
    """
    frozen = locate(backbone, weights, size, cache, float32=float32)
    folder = frozen.folder
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=folder.parent) as name:
            made = Path(name) / frozen.body
            made.mkdir()
            (_make_own if _is_own(weights) else partial(_make, backbone))(weights, size, made)
            _move(made, folder)
    return replace(frozen, eight_bits=not float32 and (folder / EIGHT_BITS).is_file())


def locate(backbone: str, weights: Sequence[Path], size: int, cache: Path, *, float32: bool = False) -> Frozen:
    """Return what `freeze` returns, whether or not it is there."""
    frozen = Frozen(cache, _key(backbone, weights, size))
    small = (frozen.folder / EIGHT_BITS).is_file() if _is_own(weights) else get_backbone(backbone).eight_bits
    return replace(frozen, eight_bits=small and not float32)


def _make(backbone: str, weights: Sequence[Path], size: int, folder: Path) -> None:
    """Write the body to `folder`, in float32 and, where its row says so, in eight bits."""
    from app.training.networks.export import export_body  # noqa: PLC0415  # loads TensorFlow

    export_body(backbone, weights, size, folder)
    if get_backbone(backbone).eight_bits:
        from app.training.networks.eight_bits import write_eight_bits  # noqa: PLC0415  # loads onnx

        write_eight_bits(folder / GRAPH, folder / EIGHT_BITS, size)


def _make_own(weights: Sequence[Path], size: int, folder: Path) -> None:
    """Write a user's network as a body to `folder`, in float32 and, where that answers the same, in eight bits."""
    from app.training.networks import eight_bits, own_graph  # noqa: PLC0415  # load onnx

    model, description = weights
    own_graph.write_body(model, read_body(description), folder / GRAPH)
    eight_bits.write_if_safe(folder / GRAPH, folder / EIGHT_BITS, size)


def _is_own(weights: Sequence[Path]) -> bool:
    """Whether these are a user's ONNX file and its description."""
    return bool(weights) and weights[0].suffix == MODEL


def _move(made: Path, folder: Path) -> None:
    """Move it into place, unless another process was faster."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _key(backbone: str, weights: Sequence[Path], size: int) -> str:
    """A hash of the backbone's row, the code, the weights and the size."""
    if _is_own(weights):
        from app.training.networks.own_graph import files_of  # noqa: PLC0415  # loads onnx

        digest, files = hashlib.sha256(str(size).encode()), [*OWN_CODE, *files_of(weights[0]), weights[1]]
    else:
        digest, files = hashlib.sha256(f"{get_backbone(backbone)} {size}".encode()), [*CODE, *weights]
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
