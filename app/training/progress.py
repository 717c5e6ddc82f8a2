"""How long work tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called several times a second at most by the batch; it may raise app.errors.Cancelled to stop the work."""

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Tell that `done` of `total` steps of `stage` are made; `epoch` holds the figures of a finished epoch."""


def silent(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
    """Tell nobody."""
