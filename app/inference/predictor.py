"""A loaded bundle: from the bytes of a photograph to a whole answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from app.classifiers import Card
from app.classifiers.card import CARD_NAME
from app.errors import Unavailable
from app.inference.arrays import Floats, Pixels
from app.inference.calibration import apply_temperature, prediction_set
from app.inference.decision import Decision, decide
from app.inference.decode import decode
from app.inference.engine import ENGINES, Engine
from app.inference.explain import data_url, overlay
from app.inference.novelty import NOVELTY_NAME, Novelty
from app.inference.preprocess import preprocess
from app.inference.quality import Quality, assess, measure

_BATCH = 32  # squares at a time: bounds the memory, and larger batches gain nothing on a CPU


@dataclass(frozen=True)
class NoveltyScore:
    """Distance to the training images, and the threshold above which an image is not of their kind."""

    score: float
    threshold: float
    in_distribution: bool


@dataclass(frozen=True)
class Prediction:
    """One answer; `explanation` is a data URL of a PNG, `width` and `height` are the photograph's own."""

    predicted_class: str
    confidence: float
    probabilities: dict[str, float]
    prediction_set: list[str]
    decision: Decision
    quality: Quality
    novelty: NoveltyScore
    explanation: str | None
    measures: dict[str, float]
    width: int
    height: int


class Predictor:
    """A bundle in memory, verified and warm; safe to call from several threads at once. `size`: bytes of its network.

    Raises Unavailable when a file is missing, changed since it was written, or does not fit the card.
    """

    def __init__(self, bundle: Path, threads: int = 1) -> None:
        self.card = _read_card(bundle)
        self._size = self.card.preprocessing.size or 0
        self._engine, self.size = self._load_engine(bundle, threads)
        self._novelty = Novelty.load(_verified(bundle, NOVELTY_NAME, self.card))
        self._warm_up()

    def predict(self, data: bytes, explain: bool = False) -> Prediction:
        """Answer for an image file; raises what `decode` raises."""
        decoded = decode(data, min_side=self._size)
        square = preprocess(decoded.pixels, self.card.preprocessing)
        return self.predict_square(square, decoded.width, decoded.height, explain)

    def predict_square(self, square: Pixels, width: int, height: int, explain: bool = False) -> Prediction:
        """Answer for a preprocessed square whose photograph measured width x height."""
        outputs = self._engine.run(square[None])
        calibrated = apply_temperature(outputs.probabilities[0], self.card.temperature)
        possible = prediction_set(calibrated, self.card.thresholds.prediction_set)
        measures = measure(square)
        quality = assess(measures, self.card.reference.quality)
        novelty = self._novelty_score(outputs.embedding)
        names, top = self.card.classes, possible[0]
        probabilities = dict(zip(names, calibrated.tolist(), strict=True))
        return Prediction(
            predicted_class=names[top],
            confidence=probabilities[names[top]],
            probabilities=probabilities,
            prediction_set=[names[i] for i in possible],
            decision=decide(
                in_distribution=novelty.in_distribution,
                gradable=quality.gradable,
                set_size=len(possible),
                positive_probability=probabilities.get(self.card.spec.positive or ""),
                operating_point=self.card.thresholds.operating_point,
            ),
            quality=quality,
            novelty=novelty,
            explanation=data_url(overlay(square, outputs.activation[0, :, :, top])) if explain else None,
            measures=measures,
            width=width,
            height=height,
        )

    def probabilities(self, squares: Pixels) -> Floats:
        """Calibrated probabilities (n, classes) of preprocessed squares (n, size, size, 3)."""
        parts = [self._engine.run(squares[i : i + _BATCH]).probabilities for i in range(0, len(squares), _BATCH)]
        return apply_temperature(np.concatenate(parts), self.card.temperature)

    def _load_engine(self, bundle: Path, threads: int) -> tuple[Engine, int]:
        """Return the engine that the card names, and the bytes of its file."""
        engine = ENGINES.get(self.card.engine)
        if engine is None:
            raise Unavailable(f"{bundle} needs the engine {self.card.engine!r}; known are: {', '.join(ENGINES)}.")
        path = _verified(bundle, engine.file_name, self.card)
        return engine(path, threads), path.stat().st_size

    def _novelty_score(self, embedding: Floats) -> NoveltyScore:
        score, threshold = float(self._novelty.distance(embedding)[0]), self.card.thresholds.novelty
        return NoveltyScore(score, threshold, score <= threshold)

    def _warm_up(self) -> None:
        """Run once, so that the first request is as fast as the others and a misfit shows now."""
        blank = np.zeros((self._size, self._size, 3), np.uint8)
        try:
            self.predict_square(blank, self._size, self._size)
        except Exception as error:
            raise Unavailable("The network does not fit its card; train or copy the bundle anew.") from error


def _read_card(bundle: Path) -> Card:
    path = bundle / CARD_NAME
    try:
        card = Card.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise Unavailable(f"{path} cannot be read; train or copy the bundle anew.") from error
    if card.preprocessing.size is None:
        raise Unavailable(f"{path} does not say the size of the network's input; train the bundle anew.")
    return card


def _verified(bundle: Path, name: str, card: Card) -> Path:
    """Return the path of a bundle's file whose checksum is the card's."""
    path = bundle / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable(f"{path} cannot be read; copy the bundle anew.") from error
    if digest != card.files.get(name):
        raise Unavailable(f"{path} is not the file that its card describes; copy the bundle anew.")
    return path
