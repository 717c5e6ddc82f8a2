"""Where work runs: a process that serves requests has threads for what would hold them up, others do it directly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

R = TypeVar("R")


class Run(Protocol):
    """Does the work where it holds up no request; waits for its result, or raises what it raises."""

    def __call__(self, work: Callable[[], R], /) -> R:
        """Do it."""


class Background(Protocol):
    """Runs `compute` beside the requests, then `then` with its result; returns how to wait for both.

    `compute` must not raise. With `spare` it gets only the processor time that nothing else wants.
    """

    def __call__(
        self, compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False
    ) -> Callable[[], None]:
        """Start it."""


def run_here(work: Callable[[], R]) -> R:
    """Do the work in this thread."""
    return work()


def run_at_once(compute: Callable[[], R], then: Callable[[R], None], *, spare: bool = False) -> Callable[[], None]:
    """Do both in this thread, before returning."""
    del spare
    then(compute())
    return lambda: None


@dataclass(frozen=True)
class Runners:
    """How a process runs what computes, what waits for another machine, and what no request waits for.

    By default all of it runs directly, as in a process that serves no requests.
    """

    run_cpu_bound: Run = run_here
    run_blocking_io: Run = run_here
    run_in_background: Background = run_at_once
