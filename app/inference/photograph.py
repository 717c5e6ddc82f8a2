"""An image file and what was made of it: several models that look at it share what they have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from app.inference.image.decode import Decoded, decode

T = TypeVar("T")


class Photograph:
    """The bytes of an image file; one thread at a time uses it.

    `spared_ms`: the processor time of all that somebody asked for and that had been made before.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.spared_ms = 0.0
        self._made: dict[Hashable, tuple[Any, float]] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gives, which is made once for each key; `make` must not use this photograph."""
        if key in self._made:
            found, cost = self._made[key]
            self.spared_ms += cost
            return cast("T", found)
        began = time.thread_time()
        made = make()
        self._made[key] = made, (time.thread_time() - began) * 1000
        return made

    def decoded(self, min_side: int) -> Decoded:
        """Decode it as `decode` does, once for each scale; raises what that raises."""
        fitting = (key for key, (made, _) in self._made.items() if isinstance(made, Decoded) and made.suits(min_side))
        return self.once(next(fitting, ("decoded", min_side)), lambda: decode(self.data, min_side))
