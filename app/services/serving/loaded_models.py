"""Which loaded model of each classifier answers in this process; it follows the aliases without a pause."""

from __future__ import annotations

import time
from functools import lru_cache, partial
from typing import Final

from app.errors import Unavailable
from app.inference.predictor import Predictor
from app.inference.similar import Similar
from app.runners import Runners
from app.services.serving.slot import Model, Slot
from app.store import traffic
from app.store.registry import Alias, Registry
from app.store.traffic import Share

LOOK_SECONDS: Final = 0.5  # how long a moved alias may go unnoticed
HOLD_SECONDS: Final = 1.5  # whoever looked last so long ago gives no answer of the old model any more
MAX_LOADED: Final = 8


class Serving:
    """The models that answer.

    A new one is loaded, verified and warmed in the background while the old one goes on answering.
    """

    def __init__(self, registry: Registry, runners: Runners) -> None:
        self._registry = registry
        self._runners = runners
        self._predictor = lru_cache(MAX_LOADED)(Predictor)
        self._slots: dict[tuple[str, Alias], Slot] = {}
        self._shares: dict[str, Share | None] = {}

    def champion(self, classifier: str) -> Model:
        """Return what answers: the champion or, while it cannot be used, the one before it.

        NotFound where there is no champion, Unavailable where none can be used.
        """
        slot = self._slot(classifier, "champion")
        age = time.monotonic() - slot.looked
        if age > LOOK_SECONDS:
            number = self._registry.champion(classifier)
            before = [] if slot.model else self._registry.served(classifier)[-2:-1]
            for version in (number, *before):
                self._registry.prepare(classifier, version)
            slot.aim([number, *before], hold=age > HOLD_SECONDS)
            slot.looked = time.monotonic()
        model = slot.settled()
        if model is None:
            raise Unavailable(slot.problem or f"The model of {classifier} is still being loaded; try again.")
        return model

    def challenger(self, classifier: str) -> tuple[Model, Share] | None:
        """Return the challenger that gets traffic, and how much; None where none does or it cannot be used yet."""
        slot = self._slot(classifier, "challenger")
        if time.monotonic() - slot.looked > LOOK_SECONDS:
            share = self._shares[classifier] = traffic.share(self._registry, classifier)
            slot.looked = time.monotonic()
            if share is None:
                slot.clear()
            else:
                self._registry.prepare(classifier, share.version)
                slot.aim([share.version])
        share, model = self._shares[classifier], slot.model
        return (model, share) if model and share and model.version == share.version else None

    def check(self, classifier: str, version: int) -> None:
        """Raise NotFound or Unavailable where a version cannot be used."""
        self._registry.prepare(classifier, version)
        self._runners.run_cpu_bound(partial(self.load, classifier, version))

    def similar(self, classifier: str, version: int) -> Similar | None:
        """Return the training images that a version keeps, None where it keeps none."""
        self._registry.prepare(classifier, version)
        return self._runners.run_cpu_bound(lambda: self.load(classifier, version).similar)

    def load(self, classifier: str, version: int) -> Predictor:
        """Return a version's predictor, kept from its last use or loaded here and now, once it is prepared for."""
        return self._predictor(self._registry.folder(classifier, version))

    def problems(self) -> dict[str, str]:
        """Return why a champion or a challenger does not answer as it should, by classifier."""
        return {slot.name: slot.problem for slot in self._slots.values() if slot.problem is not None}

    def _slot(self, classifier: str, alias: Alias) -> Slot:
        key, name = (classifier, alias), classifier if alias == "champion" else f"{classifier} {alias}"
        if key not in self._slots:
            self._slots[key] = Slot(name, partial(self.load, classifier), self._runners.run_in_background)
        return self._slots[key]
