"""A place in which one loaded model answers, until the next one is ready to take over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.errors import FoveaError
from app.inference.predictor import Predictor
from app.runners import Background

RETRY_SECONDS: Final = 10.0  # until a bundle that could not be loaded is tried again

log = logging.getLogger(__name__)
Loaded = tuple["Model | None", "str | None"]


@dataclass(frozen=True)
class Model:
    """A model version: loaded, verified against its checksums, and warm."""

    version: int
    predictor: Predictor


class Slot:
    """Holds the `model` that answers; `problem` says why another one should and does not."""

    def __init__(self, name: str, load: Callable[[int], Predictor], run_in_background: Background) -> None:
        self.model: Model | None = None
        self.problem: str | None = None
        self.looked = float("-inf")  # when its owner last looked for the version that shall answer
        self.name = name
        self._load = load
        self._run_in_background = run_in_background
        self._wanted: int | None = None
        self._failed = float("-inf")
        self._wait: Callable[[], None] = lambda: None
        self._loading = self._held = False

    def aim(self, versions: Sequence[int], *, hold: bool = False) -> None:
        """Let the first of the versions answer once it is loaded; while nothing answers, the others will do.

        The present model answers until then, but with `hold` requests wait: it may be long out of date.
        """
        wanted = versions[0]
        if self.model is not None and self.model.version == wanted:
            self._wanted, self.problem, self._loading = wanted, None, False
        elif wanted != self._wanted or not (self._loading or time.monotonic() - self._failed < RETRY_SECONDS):
            self._wanted, self._loading, self._held = wanted, True, hold
            candidates = versions[:1] if self.model else versions
            self._wait = self._run_in_background(partial(self._attempt, candidates), partial(self._settle, wanted))

    def settled(self) -> Model | None:
        """Return the model that answers, after the loading of the next one where that must be waited for."""
        if self._loading and (self.model is None or self._held):
            self._wait()
        return self.model

    def clear(self) -> None:
        """Let nothing answer."""
        self.model = self.problem = self._wanted = None
        self._loading = False

    def _attempt(self, versions: Sequence[int]) -> Loaded:
        problem = None
        for version in versions:
            try:
                return Model(version, self._load(version)), problem
            except FoveaError as error:
                problem = problem or f"Version {version} cannot be used: {error}"
            except Exception as error:
                log.exception("%s: version %s cannot be used", self.name, version)
                problem = problem or f"Version {version} cannot be used: {type(error).__name__}; the log says more."
        return None, problem

    def _settle(self, wanted: int, loaded: Loaded) -> None:
        if wanted != self._wanted:  # the alias has moved on meanwhile
            return
        self.model, problem = loaded[0] or self.model, loaded[1]
        self._loading = self._held = False
        if problem is not None:
            self._failed = time.monotonic()
            problem += f" Version {self.model.version} goes on answering." if self.model else ""
            if problem != self.problem:
                log.error("%s: %s", self.name, problem)
        self.problem = problem
