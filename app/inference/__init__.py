"""From the bytes of a photograph to an answer that knows its limits."""

from __future__ import annotations

import cv2


def limit_threads() -> None:
    """Keep OpenCV to the calling thread; a process that is one of many calls this once at its start."""
    cv2.setNumThreads(1)
