"""Answers predictions with the champion or a named version, and keeps the log of them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

from sqlalchemy import Table, insert

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.errors import FoveaError, InvalidInput, NotFound
from app.inference.predictor import Prediction as Answer
from app.inference.predictor import Predictor
from app.inference.similar import Neighbour, Similar
from app.services.serving.loaded_models import Serving
from app.services.serving.shadow import Asked, Shadow
from app.services.serving.slot import Model
from app.store.db import db, new_id, now
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Prediction

ON_REQUEST: Final = ("explanation", "similar")  # made from the image and the model at any time, so not logged
Choice = tuple[int, Callable[[], Predictor], Model | None]
_LOG: Final = insert(cast("Table", Prediction.__table__))  # the unit of work would cost as much as the inference


class Predict:
    """The prediction use case. `offload` runs pure computation where it holds nobody up."""

    def __init__(
        self,
        catalog: Catalog,
        registry: Registry,
        files: Files,
        serving: Serving,
        shadow: Shadow,
        offload: Callable[[Callable[[], Any]], Any],
    ) -> None:
        self._catalog = catalog
        self._registry = registry
        self._files = files
        self._serving = serving
        self._shadow = shadow
        self._offload = offload

    def predict(
        self,
        data: bytes,
        classifier: str,
        version: str | None = None,
        explain: bool = False,
        filename: str | None = None,
        job_id: str | None = None,
        logged: list[dict[str, Any]] | None = None,
        similar: int = 0,
    ) -> dict[str, Any]:
        """Answer one image and log it; where `logged` is given, the log's row is put there, for the caller to log.

        `similar` is how many of the nearest training images to name.
        """
        started = time.perf_counter()
        number, load, challenger = self._choose(data, classifier, version)
        if logged is None:
            db.session.remove()  # nothing of the database is held while the image is computed

        def compute() -> tuple[Predictor, Answer, float, str | None]:
            predictor, began = load(), time.thread_time()
            found = predictor.predict(data, explain, similar)
            took = (time.thread_time() - began) * 1000
            return predictor, found, took, None if self._files.shared else self._files.put(data)

        predictor, answer, compute_ms, sha256 = self._offload(compute)
        sha256 = sha256 or self._files.put(data)  # a shared storage must not hold up what computes
        moment = now()
        body = _body(classifier, number, predictor.card.notice, answer, moment)
        duration = (time.perf_counter() - started) * 1000
        body["duration_ms"] = round(duration, 2)
        if similar:
            body["similar"] = answer.similar and [_as_case(each) for each in answer.similar]
        kept = {key: value for key, value in body.items() if key not in ON_REQUEST}
        row = {
            "id": body["id"], "classifier": classifier, "model_version": number, "job_id": job_id,
            "filename": filename and filename[-255:],
            "sha256": sha256, "predicted_class": answer.predicted_class, "confidence": answer.confidence,
            "decision": answer.decision, "measures": answer.measures, "body": kept, "duration_ms": body["duration_ms"],
            "created_at": moment,
        }  # fmt: skip
        if logged is None:
            with db.engine.begin() as connection:
                connection.execute(_LOG, row)
        else:
            logged.append(row)
        if challenger is not None:
            self._shadow.ask(challenger, Asked(data, explain, body["id"], classifier, number, compute_ms))
        return body

    def log(self, rows: list[dict[str, Any]]) -> None:
        """Write rows of the log, in the present transaction."""
        db.session.execute(_LOG, rows)

    def training_images(self, classifier: str, version: int) -> Similar:
        """Return the training images that a version keeps; NotFound where it keeps none."""
        self._catalog[classifier]
        found: Similar | None = self._offload(lambda: self._serving.load(classifier, version).similar)
        if found is None:
            raise NotFound(f"Version {version} of {classifier} keeps no training images; train it anew.")
        return found

    def warm(self) -> dict[str, str]:
        """Load every champion; return what cannot be answered, by classifier."""
        wrong: dict[str, str] = {}
        for classifier in self._catalog:
            if self._registry.alias(classifier, "champion") is None:
                continue
            try:
                self._serving.champion(classifier)
                self._serving.challenger(classifier)
            except FoveaError as error:
                wrong[classifier] = str(error)
        return wrong

    def version(self, classifier: str, version: str | None = None) -> int:
        """Return the number of the version meant: what answers as champion, an alias', or the one named."""
        self._catalog[classifier]  # NotFound, with the known names, when there is no such classifier
        if version is None or version == "champion":
            return self._serving.champion(classifier).version
        if version == "challenger":
            number = self._registry.alias(classifier, "challenger")
            if number is None:
                raise InvalidInput(f"{classifier} has no challenger now; leave 'version' out for the champion.")
            return number
        if not version.isdecimal():
            raise InvalidInput(f"version must be a number, 'champion' or 'challenger', not {version!r}.")
        return int(version)

    def load(self, classifier: str, version: str | None) -> tuple[int, Card]:
        """Load the version meant before many images are asked of it; return its number and card."""
        number = self.version(classifier, version)
        return number, self._serving.load(classifier, number).card

    def _choose(self, data: bytes, classifier: str, version: str | None) -> Choice:
        """Return the version that answers, how to get it, and the model that answers in its shadow, if any.

        Who names no version gets the champion, or the challenger where it has a share of the requests as a canary:
        always the same one for the same image.
        """
        if version not in (None, "champion"):
            number = self.version(classifier, version)
            self._registry.prepare(classifier, number)
            return number, partial(self._serving.load, classifier, number), None
        self._catalog[classifier]  # NotFound, with the known names, when there is no such classifier
        model, shadow = self._serving.champion(classifier), None
        challenge = None if version else self._serving.challenger(classifier)
        if challenge is not None and _drawn(data, challenge[1].percent):
            model, shadow = (model, challenge[0]) if challenge[1].mode == "shadow" else (challenge[0], None)
        return model.version, lambda: model.predictor, shadow


def _drawn(data: bytes, percent: float) -> bool:
    """Say whether this image is among the share of all."""
    return zlib.crc32(data) < 2**32 * percent / 100


def _body(classifier: str, version: int, notice: str | None, answer: Answer, moment: datetime) -> dict[str, Any]:
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
        "prevalence": answer.prevalence,
        "operating_point": answer.operating_point,
        "quality": dict(vars(answer.quality)),
        "novelty": dict(vars(answer.novelty)),
        "timestamp": moment.isoformat(),
        "notice": notice,
    }
    if answer.explanation is not None:
        body["explanation"] = answer.explanation
    return body


def _as_case(found: Neighbour) -> dict[str, Any]:
    return {"label": found.label, "distance": round(found.distance, 4), "sha256": found.sha256}
