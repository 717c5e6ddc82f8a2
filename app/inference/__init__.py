"""Inference: from the bytes of a photograph to an answer with its uncertainty. Uses numpy, OpenCV and ONNX Runtime."""

from __future__ import annotations

import ctypes

import cv2


def limit_threads() -> None:
    """Make OpenCV use the calling thread only; each of several processes calls this once at its start."""
    cv2.setNumThreads(1)


def return_memory() -> None:
    """Give the system what the C library keeps of freed memory, where it is one that can: call it after large work."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
