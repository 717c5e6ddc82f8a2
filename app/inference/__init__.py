"""Inference: from the bytes of a photograph to an answer with its uncertainty. Uses numpy, OpenCV and ONNX Runtime."""

from __future__ import annotations

import cv2


def limit_threads() -> None:
    """Make OpenCV use the calling thread only; each of several processes calls this once at its start."""
    cv2.setNumThreads(1)
