"""Sentences about work that broke."""

from __future__ import annotations

import errno
from typing import Final

SMALLER: Final = "choose a smaller backbone, or a smaller image size or batch_size in the classifier's YAML"


def explain(error: Exception) -> str:
    """Say what broke, and what to do where that is known."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk is full ({error.filename or 'where it writes'}); free some space, then retry."
    if isinstance(error, MemoryError):
        return f"It lacked memory: {SMALLER}."
    return f"It broke unexpectedly: {type(error).__name__}: {error}"
