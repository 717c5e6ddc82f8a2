"""Work beside the requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

R = TypeVar("R")


class Aside(Protocol):
    """Runs `compute` beside the requests, then `then` with its result; returns how to wait for both.

    `compute` must not raise. With `spare` it gets only the processor time that nothing else wants.
    """

    def __call__(
        self, compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False
    ) -> Callable[[], None]:
        """Start it."""


def directly(compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False) -> Callable[[], None]:
    """Do it here and now: for processes that serve no requests."""
    del spare
    then(compute())
    return lambda: None
