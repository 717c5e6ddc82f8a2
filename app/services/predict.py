"""Answers predictions with the champion or a named version, and keeps the log of them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, cast

from sqlalchemy import Table, insert

from app.classifiers.catalog import Catalog
from app.errors import InvalidInput
from app.inference.predictor import Prediction as Answer
from app.inference.predictor import Predictor
from app.store.db import db, new_id, now
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Prediction

ALIAS_SECONDS: Final = 0.5  # how long a moved alias may go unnoticed
MAX_LOADED: Final = 8
_LOG: Final = insert(cast("Table", Prediction.__table__))  # the unit of work would cost as much as the inference


class Predictors:
    """The loaded models of this process, the least recently used dropped first."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Path, Predictor] = OrderedDict()
        self._lock = Lock()

    def get(self, folder: Path) -> Predictor:
        """Return the predictor of a bundle's folder, loading it at its first use."""
        with self._lock:
            predictor = self._loaded.pop(folder, None) or Predictor(folder)
            self._loaded[folder] = predictor
            if len(self._loaded) > MAX_LOADED:
                self._loaded.popitem(last=False)
            return predictor


class Predict:
    """The prediction use case. `offload` runs pure computation where it holds nobody up."""

    def __init__(
        self, catalog: Catalog, registry: Registry, files: Files, offload: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self._catalog = catalog
        self._registry = registry
        self._files = files
        self._offload = offload
        self._predictors = Predictors()
        self._champions: dict[str, tuple[float, int]] = {}

    def predict(
        self,
        data: bytes,
        classifier: str,
        version: str | None = None,
        explain: bool = False,
        filename: str | None = None,
        job_id: str | None = None,
    ) -> dict[str, Any]:
        """Answer one image and log it; the log's commit is the caller's when `job_id` is given."""
        started = time.perf_counter()
        number = self.version(classifier, version)
        folder = self._registry.folder(classifier, number)

        def compute() -> tuple[Predictor, Answer, str]:
            predictor = self._predictors.get(folder)
            return predictor, predictor.predict(data, explain=explain), self._files.put(data)

        predictor, answer, sha256 = self._offload(compute)
        body = _body(classifier, number, predictor.card.notice, answer)
        duration = (time.perf_counter() - started) * 1000
        body["duration_ms"] = round(duration, 2)
        kept = {key: value for key, value in body.items() if key != "explanation"}
        row = {
            "id": body["id"], "classifier": classifier, "model_version": number, "job_id": job_id,
            "filename": filename and filename[-255:],
            "sha256": sha256, "predicted_class": answer.predicted_class, "confidence": answer.confidence,
            "decision": answer.decision, "measures": answer.measures, "body": kept, "duration_ms": body["duration_ms"],
        }  # fmt: skip
        db.session.execute(_LOG, row)
        if job_id is None:
            db.session.commit()
        return body

    def warm(self) -> dict[str, str]:
        """Load every champion; return what is wrong, by classifier."""
        wrong: dict[str, str] = {}
        for classifier in self._catalog:
            number = self._registry.alias(classifier, "champion")
            if number is None:
                continue
            try:
                self._offload(partial(self._predictors.get, self._registry.folder(classifier, number)))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a bundle is what is reported
                wrong[classifier] = str(error)
        return wrong

    def version(self, classifier: str, version: str | None = None) -> int:
        """Return the number of the version meant: the champion's, an alias', or the one named."""
        self._catalog[classifier]  # NotFound, with the known names, when there is no such classifier
        if version is None or version == "champion":
            return self._champion(classifier)
        if version == "challenger":
            number = self._registry.alias(classifier, "challenger")
            if number is None:
                raise InvalidInput(f"{classifier} has no challenger now; leave 'version' out for the champion.")
            return number
        if not version.isdecimal():
            raise InvalidInput(f"version must be a number, 'champion' or 'challenger', not {version!r}.")
        return int(version)

    def _champion(self, classifier: str) -> int:
        seen, number = self._champions.get(classifier, (0.0, 0))
        if time.monotonic() - seen > ALIAS_SECONDS:
            number = self._registry.champion(classifier)
            self._champions[classifier] = (time.monotonic(), number)
        return number


def _body(classifier: str, version: int, notice: str | None, answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": new_id(),
        "classifier": classifier,
        "model_version": version,
        "predicted_class": answer.predicted_class,
        "prediction": answer.predicted_class,
        "confidence": answer.confidence,
        "probabilities": answer.probabilities,
        "prediction_set": answer.prediction_set,
        "decision": answer.decision,
        "quality": asdict(answer.quality),
        "novelty": asdict(answer.novelty),
        "timestamp": now().isoformat(),
        "notice": notice,
    }
    if answer.explanation is not None:
        body["explanation"] = answer.explanation
    return body
