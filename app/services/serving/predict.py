"""Answers predictions with the champion or a named version, and keeps the log of them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Table, insert

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.errors import FoveaError, InvalidInput, NotFound
from app.inference.predictor import Prediction as Answer
from app.inference.predictor import Predictor
from app.inference.similar import Neighbour, Similar
from app.services.serving.loaded_models import Serving
from app.services.serving.shadow import Shadow, ShadowRequest
from app.services.serving.slot import Model
from app.store.db import db, new_id, now
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Prediction
from app.store.transaction import release_connection

ON_REQUEST: Final = ("explanation", "similar")  # made from the image and the model at any time, so not logged
_LOG: Final = insert(cast("Table", Prediction.__table__))  # the unit of work would cost as much as the inference


@dataclass(frozen=True)
class PredictionRequest:
    """An image to answer: by the champion, or by the `version` named ("champion", "challenger" or a number).

    `similar` is how many of the nearest training images to name; `job_id` is that of the bulk prediction it is part of.
    """

    data: bytes
    classifier: str
    version: str | None = None
    filename: str | None = None
    explain: bool = False
    similar: int = 0
    job_id: str | None = None


@dataclass(frozen=True)
class Choice:
    """The version that answers, how to get it, and the model that answers in its shadow, if any."""

    version: int
    load: Callable[[], Predictor]
    shadow: Model | None = None


class Computed(NamedTuple):
    """What a model said, in `compute_ms` of computing time, of the image that is stored under `sha256`."""

    predictor: Predictor
    answer: Answer
    compute_ms: float
    sha256: str


class Predict:
    """The prediction use case."""

    def __init__(self, catalog: Catalog, registry: Registry, files: Files, serving: Serving, shadow: Shadow) -> None:
        self._catalog = catalog
        self._registry = registry
        self._files = files
        self._serving = serving
        self._shadow = shadow

    def predict(self, request: PredictionRequest) -> dict[str, Any]:
        """Answer one image and log it, in a transaction of its own."""
        started = time.perf_counter()
        choice = self._choose(request)
        release_connection()  # nothing of the database is held while the image is computed
        computed = self._compute(request, choice)
        body = _body(request, choice.version, computed, started)
        with db.engine.begin() as connection:
            connection.execute(_LOG, _row(request, body, computed))
        if choice.shadow is not None:
            asked = (request.data, request.explain, body["id"], request.classifier, choice.version, computed.compute_ms)
            self._shadow.ask(choice.shadow, ShadowRequest(*asked))
        return body

    def answer(self, request: PredictionRequest) -> dict[str, Any]:
        """Answer one image; return the row of the log, for the caller to `log`."""
        started = time.perf_counter()
        choice = self._choose(request)
        computed = self._compute(request, choice)
        return _row(request, _body(request, choice.version, computed, started), computed)

    def log(self, rows: list[dict[str, Any]]) -> None:
        """Write rows of the log, in the present transaction."""
        db.session.execute(_LOG, rows)

    def training_images(self, classifier: str, version: int) -> Similar:
        """Return the training images that a version keeps; NotFound where it keeps none."""
        self._catalog[classifier]
        found = self._serving.similar(classifier, version)
        if found is None:
            raise NotFound(f"Version {version} of {classifier} keeps no training images; train it again.")
        return found

    def warm(self) -> tuple[dict[str, str], dict[str, str]]:
        """Load every champion; return by classifier what cannot be answered, and all that is not as it should be."""
        wrong: dict[str, str] = {}
        for classifier in self._catalog:
            if self._registry.alias(classifier, "champion") is None:
                continue
            try:
                self._serving.champion(classifier)
                self._serving.challenger(classifier)
            except FoveaError as error:
                wrong[classifier] = str(error)
        return wrong, self._serving.problems() | wrong

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

    def _compute(self, request: PredictionRequest, choice: Choice) -> Computed:
        def compute() -> tuple[Predictor, Answer, float]:
            predictor, began = choice.load(), time.thread_time()
            answer = predictor.predict(request.data, request.explain, request.similar)
            return predictor, answer, (time.thread_time() - began) * 1000

        return self._files.compute_and_store(compute, lambda found: Computed(*found, self._files.put(request.data)))

    def _choose(self, request: PredictionRequest) -> Choice:
        """Return what answers.

        Who names no version gets the champion, or the challenger where it has a share of the requests as a canary:
        always the same one for the same image.
        """
        classifier, version = request.classifier, request.version
        if version not in (None, "champion"):
            number = self.version(classifier, version)
            self._registry.prepare(classifier, number)
            return Choice(number, partial(self._serving.load, classifier, number))
        self._catalog[classifier]  # NotFound, with the known names, when there is no such classifier
        model, shadow = self._serving.champion(classifier), None
        challenge = None if version else self._serving.challenger(classifier)
        if challenge is not None and _drawn(request.data, challenge[1].percent):
            model, shadow = (model, challenge[0]) if challenge[1].mode == "shadow" else (challenge[0], None)
        return Choice(model.version, lambda: model.predictor, shadow)


def _drawn(data: bytes, percent: float) -> bool:
    """Say whether this image is among the share of all."""
    return zlib.crc32(data) < 2**32 * percent / 100


def _body(request: PredictionRequest, version: int, computed: Computed, started: float) -> dict[str, Any]:
    """The answer as it is given; `started` is when the request came, by time.perf_counter()."""
    answer, moment = computed.answer, now()
    body: dict[str, Any] = {
        "id": new_id(),
        "classifier": request.classifier,
        "model_version": version,
        "predicted_class": answer.predicted_class,
        "prediction": answer.predicted_class,
        "confidence": answer.confidence,
        "probabilities": answer.probabilities,
        "prediction_set": answer.prediction_set,
        "decision": answer.decision,
        "prevalence": answer.prevalence,
        "operating_point": answer.operating_point,
        "referral_probability": answer.referral_probability,
        "grade": answer.grade,
        "quality": dict(vars(answer.quality)),
        "novelty": dict(vars(answer.novelty)),
        "timestamp": moment.isoformat(),
        "notice": computed.predictor.card.notice,
    }
    if answer.explanation is not None:
        body["explanation"] = answer.explanation
    body["duration_ms"] = round((time.perf_counter() - started) * 1000, 2)
    if request.similar:
        body["similar"] = answer.similar and [_as_case(each) for each in answer.similar]
    return body


def _row(request: PredictionRequest, body: dict[str, Any], computed: Computed) -> dict[str, Any]:
    """The row of the log."""
    return {
        "id": body["id"],
        "classifier": request.classifier,
        "model_version": body["model_version"],
        "job_id": request.job_id,
        "filename": request.filename and request.filename[-255:],
        "sha256": computed.sha256,
        "predicted_class": body["predicted_class"],
        "confidence": body["confidence"],
        "decision": body["decision"],
        "measures": computed.answer.measures,
        "body": {key: value for key, value in body.items() if key not in ON_REQUEST},
        "duration_ms": body["duration_ms"],
        "created_at": datetime.fromisoformat(body["timestamp"]),
    }


def _as_case(found: Neighbour) -> dict[str, Any]:
    return {"label": found.label, "distance": round(found.distance, 4), "sha256": found.sha256}
