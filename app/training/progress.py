"""How long-running work reports its progress."""

from __future__ import annotations

from typing import Protocol

History = list[dict[str, float]]
"""The figures of each epoch of a training, the first epoch first."""


class Progress(Protocol):
    """A callback that is called after each batch of work; it may raise app.errors.Cancelled to stop the work."""

    def __call__(self, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
        """Report that `done` of `total` steps of `stage` are done; `epoch` holds the figures of a finished epoch."""


def silent(stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
    """Report nothing."""
