"""Who acts: the key, command or job on whose behalf the present work is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

SYSTEM: Final = "system"  # the schedule, and what no person has asked for
ANYBODY: Final = "anybody"  # a request where no key is needed

current_actor: ContextVar[str] = ContextVar("current_actor", default=SYSTEM)


@contextmanager
def acting_as(actor: str | None) -> Iterator[None]:
    """Name who acts for what is done inside."""
    before = current_actor.set(actor or SYSTEM)
    try:
        yield
    finally:
        current_actor.reset(before)


def by_whom() -> str:
    """Return who acts, for a sentence such as "Cancelled by ..."."""
    actor = current_actor.get()
    return "request" if actor in (SYSTEM, ANYBODY) else actor
