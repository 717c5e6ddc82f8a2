"""Answers predictions with the champion or a named version, and keeps the log of them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, NamedTuple, cast

from sqlalchemy import Table, insert

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.errors import FoveaError, InvalidInput, NotFound
from app.inference.photograph import Photograph
from app.inference.predictor import Prediction as Answer
from app.inference.predictor import Predictor
from app.inference.similar import Neighbour, Similar
from app.services.serving.known import KnownAnswers
from app.services.serving.loaded_models import Serving
from app.services.serving.shadow import Shadow, ShadowRequest
from app.services.serving.slot import Model
from app.store.db import db, new_id, now
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Prediction
from app.store.transaction import release_connection

Eye = Literal["left", "right"]
ON_REQUEST: Final = ("explanation", "similar")  # made from the image and the model at any time, so not logged
_LOG: Final = insert(cast("Table", Prediction.__table__))  # the unit of work would cost as much as the inference


@dataclass(frozen=True)
class PredictionRequest:
    """An image to answer: by the champion, or by the `version` named ("champion", "challenger" or a number).

    `similar` is how many of the nearest training images to name; `job_id` is that of the bulk prediction it is part of.
    `patient` and `eye` say whose photograph it is, and are given back.
    """

    data: bytes
    classifier: str
    version: str | None = None
    filename: str | None = None
    explain: bool = False
    similar: int = 0
    job_id: str | None = None
    patient: str | None = None
    eye: Eye | None = None


@dataclass(frozen=True)
class Choice:
    """The version that answers, how to get it, and the model that answers in its shadow, if any."""

    version: int
    load: Callable[[], Predictor]
    shadow: Model | None = None


class Computed(NamedTuple):
    """What a model said, in `compute_ms` of computing time, had it been alone with the image."""

    predictor: Predictor
    answer: Answer
    compute_ms: float


class Memory(NamedTuple):
    """Where images are stored, and what was answered to them."""

    files: Files
    known: KnownAnswers


class Predict:
    """The prediction use case."""

    def __init__(self, catalog: Catalog, registry: Registry, serving: Serving, shadow: Shadow, memory: Memory) -> None:
        self._catalog = catalog
        self._registry = registry
        self._serving = serving
        self._shadow = shadow
        self._files, self._known = memory

    def predict(self, request: PredictionRequest) -> dict[str, Any]:
        """Answer one image and log it, in a transaction of its own."""
        return self.predict_each([request])[0]

    def predict_each(self, requests: Sequence[PredictionRequest]) -> list[dict[str, Any]]:
        """Answer one image for several classifiers: `requests` differ in these alone. All are logged, or none."""
        started = time.perf_counter()
        choices = [self._choose(request) for request in requests]
        if (repeated := self._repeat(requests, choices, started)) is not None:
            return repeated
        release_connection()  # nothing of the database is held while the image is computed
        found, sha256 = self._compute(requests[0], choices)
        answered = list(zip(requests, choices, found, strict=True))
        bodies = [_body(request, choice.version, each, started) for request, choice, each in answered]
        measures = [each.answer.measures for each in found]
        _keep([_row(*each, sha256) for each in zip(requests, bodies, measures, strict=True)])
        for (request, choice, each), body in zip(answered, bodies, strict=True):
            if choice.shadow is not None:
                asked = (request.data, request.explain, body["id"], request.classifier, choice.version, each.compute_ms)
                self._shadow.ask(choice.shadow, ShadowRequest(*asked))
        return bodies

    def answerable(self, classifier: str) -> str | None:
        """Say why a classifier cannot answer; None where it can. NotFound where there is no such classifier."""
        self._catalog[classifier]
        try:
            self._serving.champion(classifier)
        except FoveaError as error:
            return str(error)
        return None

    def answer(self, request: PredictionRequest) -> dict[str, Any]:
        """Answer one image; return the row of the log, for the caller to `log`."""
        started = time.perf_counter()
        choice = self._choose(request)
        (found,), sha256 = self._compute(request, [choice])
        return _row(request, _body(request, choice.version, found, started), found.answer.measures, sha256)

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

    def _repeat(
        self, requests: Sequence[PredictionRequest], choices: Sequence[Choice], started: float
    ) -> list[dict[str, Any]] | None:
        """Give the answers that the log has of all choices to this very image, and log them again; else None.

        What was not logged has to be computed, and so has what a challenger in the shadow is to be compared with.
        """
        asked, known = requests[0], self._known
        if not known.on or asked.explain or asked.similar or any(choice.shadow for choice in choices):
            return None
        sha256, found = known.name(asked.data), []
        for request, choice in zip(requests, choices, strict=True):
            found.append(known.find(sha256, request.classifier, choice.version))
            if found[-1] is None:
                return None
        release_connection()
        self._files.put_known(sha256, asked.data)  # it stays as long as the new row does
        pairs = [(request, each) for request, each in zip(requests, found, strict=True) if each is not None]
        bodies = [each.body | _own(request, started) | {"cached": True} for request, each in pairs]
        _keep([_row(request, body, each.measures, sha256) for (request, each), body in zip(pairs, bodies, strict=True)])
        return bodies

    def _compute(self, request: PredictionRequest, choices: Sequence[Choice]) -> tuple[list[Computed], str]:
        """Let each choice answer, and store the image; return what they say and the image's SHA-256."""

        def compute() -> list[Computed]:
            photograph = Photograph(request.data)
            return [_computed(photograph, request, choice.load()) for choice in choices]

        return self._files.compute_and_store(compute, lambda found: (found, self._files.put(request.data)))

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


def _computed(photograph: Photograph, request: PredictionRequest, predictor: Predictor) -> Computed:
    began, spared = time.thread_time(), photograph.spared_ms
    answer = predictor.predict(photograph, request.explain, request.similar)
    took = (time.thread_time() - began) * 1000 + photograph.spared_ms - spared
    return Computed(predictor, answer, took)


def _body(request: PredictionRequest, version: int, computed: Computed, started: float) -> dict[str, Any]:
    """The answer as it is given; `started` is when the request came, by time.perf_counter()."""
    answer = computed.answer
    body: dict[str, Any] = {
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
        "notice": computed.predictor.card.notice,
    }
    if answer.explanation is not None:
        body["explanation"] = answer.explanation
    if request.similar:
        body["similar"] = answer.similar and [_as_case(each) for each in answer.similar]
    return _own(request, started) | body


def _own(request: PredictionRequest, started: float) -> dict[str, Any]:
    """What is different in each answer, whatever it says."""
    took = round((time.perf_counter() - started) * 1000, 2)
    whose = {"patient": request.patient, "eye": request.eye}
    return {"id": new_id(), "timestamp": now().isoformat(), "duration_ms": took, **whose}


def _keep(rows: list[dict[str, Any]]) -> None:
    with db.engine.begin() as connection:
        connection.execute(_LOG, rows)


def _row(request: PredictionRequest, body: dict[str, Any], measures: dict[str, float], sha256: str) -> dict[str, Any]:
    """The row of the log."""
    return {
        "id": body["id"],
        "classifier": request.classifier,
        "model_version": body["model_version"],
        "job_id": request.job_id,
        "filename": request.filename and request.filename[-255:],
        "sha256": sha256,
        "patient": request.patient,
        "eye": request.eye,
        "predicted_class": body["predicted_class"],
        "confidence": body["confidence"],
        "decision": body["decision"],
        "measures": measures,
        "body": {key: value for key, value in body.items() if key not in ON_REQUEST},
        "duration_ms": body["duration_ms"],
        "created_at": datetime.fromisoformat(body["timestamp"]),
    }


def _as_case(found: Neighbour) -> dict[str, Any]:
    return {"label": found.label, "distance": round(found.distance, 4), "sha256": found.sha256}
