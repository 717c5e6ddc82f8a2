"""The part of a network that several classifiers have in common: loaded once in a process, whoever uses it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import onnxruntime

from app.errors import Unavailable
from app.inference.arrays import Floats, Pixels

BODY: Final = (
    "body.onnx"  # uint8 `image` (n, size, size, 3) in, `embedding` (n, d) and perhaps `features` (n, h, w, d) out
)
WEIGHTS: Final = "body.data"  # what BODY and, in the same bundle, model.onnx hold outside themselves
OUTPUTS: Final = ("embedding", "features")


class Body:
    """A frozen network below the heads of classifiers; safe to call from several threads at once.

    What it computes with goes back to the process after each run. It is large, so that costs no time worth mentioning.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._session = open_session(path, threads, OUTPUTS[:1], arena=False)
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: Pixels) -> tuple[Floats, Floats | None]:
        """Return the embeddings (n, d) and, where there are any, feature maps (n, h, w, d) of uint8 squares."""
        embedding, *features = self._session.run(None, {self._input: batch})
        return embedding, features[0] if features else None


_loaded: WeakValueDictionary[tuple[str, int], Body] = WeakValueDictionary()


def shared_body(bundle: Path, threads: int) -> Body:
    """Return the body of a bundle: one that is loaded and has the same bytes, else its own.

    It is closed when nobody uses it any more. Two threads that load it at the same moment may each load one, for as
    long as the slower one's model lives. Unavailable when a file is missing or no network.
    """
    key = _content(bundle), threads
    found = _loaded.get(key)
    return _loaded.setdefault(key, Body(bundle / BODY, threads)) if found is None else found


def open_session(
    path: Path, threads: int, outputs: tuple[str, ...], *, arena: bool = True
) -> onnxruntime.InferenceSession:
    """Load a network that has these outputs, on the CPU; its idle threads sleep and leave the cores to others.

    With `arena` it keeps the memory that it computes with. Unavailable when the file is no such network.
    """
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = arena
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise Unavailable(f"{path.name} cannot be loaded by ONNX Runtime; train or copy it again.") from error
    if missing := set(outputs) - {output.name for output in session.get_outputs()}:
        raise Unavailable(f"{path.name} lacks the outputs {sorted(missing)}; export it again.")
    return session


def _content(bundle: Path) -> str:
    """A hash of a body's files."""
    digest = hashlib.sha256()
    for name in (BODY, WEIGHTS):
        try:
            with (bundle / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise Unavailable(f"{name} cannot be read; copy the bundle again.") from error
    return digest.hexdigest()
