"""Loads TensorFlow without its console output. Import Keras from here, in modules that only a training run loads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Must be set before TensorFlow loads: its notes on processor features and missing GPUs do not help users.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextmanager
def _no_native_output() -> Iterator[None]:
    """Discard what C++ writes to standard error: some of TensorFlow's notes ignore the log level."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


with _no_native_output():
    import keras

__all__ = ["keras", "session"]


@contextmanager
def session(seed: int) -> Iterator[None]:
    """A fresh Keras session whose random numbers come from `seed`; warnings that users cannot act on are silenced."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    with warnings.catch_warnings():
        # TensorFlow's arrays lack the `copy` argument that numpy 2 asks for.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning, r"keras\.src\.")
        # Keras' copy of tf2onnx names an alias that numpy is about to change.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"keras\.src\.export")
        yield
