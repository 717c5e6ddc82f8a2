"""Work in batches, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Sliceable(Protocol[T_co]):
    """A sequence or an array."""

    def __len__(self) -> int:
        """The number of items."""

    def __getitem__(self, items: slice, /) -> T_co:
        """Some of the items."""


def batches(items: Sliceable[T_co], size: int) -> Iterator[T_co]:
    """Yield the items in order, `size` at a time; the last batch may be smaller."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
