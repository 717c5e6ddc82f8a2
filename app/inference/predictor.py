"""A loaded bundle: from the bytes of a photograph to a whole answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.classifiers import Card
from app.classifiers.card import CARD_NAME
from app.errors import Unavailable
from app.inference import return_memory
from app.inference.arrays import Floats, Pixels
from app.inference.calibration import calibrate, prediction_set, referral, shift_prior, shifted_threshold
from app.inference.decision import Decision, decide
from app.inference.engine import ENGINES, Engine, Outputs, SharedEngine
from app.inference.explain import data_url, heat, layer, placed
from app.inference.image.appearance import describe
from app.inference.image.decode import Decoded
from app.inference.image.preprocess import even_out, frame, shown
from app.inference.image.quality import Quality, assess, measure
from app.inference.novelty import APPEARANCE, EMBEDDING, NOVELTY_NAME, Novelty, Views
from app.inference.photograph import Photograph
from app.inference.similar import SIMILAR_NAME, Neighbour, Similar

_BATCH = 8  # squares at a time: bounds the memory, and larger batches gain nothing on a CPU


@dataclass(frozen=True)
class NoveltyScore:
    """Distance to the training images, and the threshold above which an image is not of their kind."""

    score: float
    threshold: float
    in_distribution: bool


class View(NamedTuple):
    """The square (size, size, 3) that a network sees, and how it looks before it is evened out.

    `measures` are those of `app.inference.image.quality`, `appearance` (k,) those of `app.inference.image.appearance`;
    `width` and `height` are the photograph's own.
    """

    square: Pixels
    measures: dict[str, float]
    appearance: Floats
    width: int
    height: int


@dataclass(frozen=True)
class Prediction:
    """One answer; `width` and `height` are the photograph's own.

    `prevalence` is the class mix that the probabilities were adjusted to, None where they are for the mix of the
    calibration images. `grade`: the number of the predicted class where the classes are grades. `referral_probability`:
    of the classes that a screening refers, together; `operating_point`: the one from which it refers. None without.
    `explanation`, where asked for: a data URL of a PNG to lay over the upright photograph; None also where the network
    has no feature map. `similar`, likewise: the nearest training images; None also where the bundle keeps none.
    """

    predicted_class: str
    confidence: float
    probabilities: dict[str, float]
    prediction_set: list[str]
    decision: Decision
    prevalence: dict[str, float] | None
    operating_point: float | None
    referral_probability: float | None
    grade: int | None
    quality: Quality
    novelty: NoveltyScore
    measures: dict[str, float]
    width: int
    height: int
    explanation: str | None = None
    similar: list[Neighbour] | None = None


class Predictor:
    """A bundle in memory, verified and warm; safe to call from several threads at once. `size`: bytes of its network.

    Raises Unavailable when a file is missing, changed since it was written, or does not fit the card.
    """

    def __init__(self, bundle: Path, threads: int = 1) -> None:
        self.card = _read_card(bundle)
        self._bundle = bundle
        self._size = self.card.preprocessing.size or 0
        self._set_thresholds = self.card.thresholds.of(self.card.classes)
        self._adjustment = self.card.adjustment
        self._screening = self.card.spec.screening
        self._engine, self.size = self._load_engine(bundle, threads)
        self._novelty = Novelty.load(_verified(bundle, NOVELTY_NAME, self.card))
        self._warm_up()
        return_memory()  # to load a network takes twice what it is

    def predict(self, data: bytes | Photograph, explain: bool = False, similar: int = 0) -> Prediction:
        """Answer for an image file; raises what `decode` raises. `similar`: how many training images to name.

        Of a Photograph that others have answered for, what they made is used again: the same body's view of the same
        square, too.
        """
        photograph = Photograph(data) if isinstance(data, bytes) else data
        decoded = photograph.decoded(self._size)
        view = photograph.once(self.card.preprocessing, lambda: self._view(decoded))
        outputs = self._outputs(photograph, view)
        answer = self._answer(view, outputs)
        if explain and outputs.activation is not None:
            answer = replace(answer, explanation=self._explain(answer, decoded, outputs.activation))
        if similar and self.similar is not None:
            answer = replace(answer, similar=self.similar.nearest(outputs.embedding[0], similar))
        return answer

    @cached_property
    def similar(self) -> Similar | None:
        """The bundle's training images, read when they are first asked for; None where it keeps none."""
        if SIMILAR_NAME not in self.card.files:
            return None
        return Similar.load(_verified(self._bundle, SIMILAR_NAME, self.card))

    def _explain(self, answer: Prediction, decoded: Decoded, maps: Floats) -> str:
        """Draw the evidence for the predicted class; `maps` (1, rows, columns, classes)."""
        activation = placed(maps[0, :, :, self.card.classes.index(answer.predicted_class)], self.card.map_offset)
        region = shown(decoded.pixels, self.card.preprocessing)
        retina = decoded.pixels if self.card.preprocessing.crop == "retina" else None
        return data_url(layer(heat(activation, region, decoded.width, decoded.height, retina)))

    def _view(self, decoded: Decoded) -> View:
        framed = frame(decoded.pixels, self.card.preprocessing)
        square = even_out(framed, self.card.preprocessing)
        return View(square, measure(framed), describe(framed), decoded.width, decoded.height)

    def _outputs(self, photograph: Photograph, view: View) -> Outputs:
        """Run the network; a body that others have, too, runs once."""
        engine, batch = self._engine, view.square[None]
        if not isinstance(engine, SharedEngine):
            return engine.run(batch)
        return engine.judge(*photograph.once((self.card.preprocessing, engine.body), lambda: engine.body.run(batch)))

    def _answer(self, view: View, outputs: Outputs) -> Prediction:
        """Put together what the network says and what the square looks like."""
        calibrated = self._calibrated(outputs.probabilities[0])
        answered = calibrated if self._adjustment is None else shift_prior(calibrated, *self._adjustment)
        quality = self.grade(view.measures)
        novelty = self._novelty_score({EMBEDDING: outputs.embedding, APPEARANCE: view.appearance[None]})
        names, top = self.card.classes, int(answered.argmax())
        possible = [names[i] for i in prediction_set(calibrated, self._set_thresholds, ordered=self._screening.ordered)]
        probabilities = dict(zip(names, answered.tolist(), strict=True))
        return Prediction(
            predicted_class=names[top],
            confidence=probabilities[names[top]],
            probabilities=probabilities,
            prediction_set=possible,
            decision=decide(
                in_distribution=novelty.in_distribution,
                gradable=quality.gradable or not self.card.spec.reject_ungradable,
                possible=possible,
                referred=self.card.spec.referred,
                above=self._above(calibrated),
            ),
            prevalence=self.card.calibration.prevalence if self.card.calibration else None,
            operating_point=self._point_shown(calibrated, answered),
            referral_probability=self._referral(answered),
            grade=top if self._screening.ordered else None,
            quality=quality,
            novelty=novelty,
            measures=view.measures,
            width=view.width,
            height=view.height,
        )

    def grade(self, measures: Mapping[str, float]) -> Quality:
        """Judge the measures of a square by those of the training images."""
        return assess(measures, self.card.reference.quality, self.card.preprocessing.crop == "retina")

    def _referral(self, probabilities: Floats) -> float | None:
        """The probability that a screening refers by; None where nothing is referred."""
        referred = self._screening.referred
        return float(referral(probabilities, referred)) if referred else None

    def _above(self, calibrated: Floats) -> bool | None:
        """Whether a screening would refer by its operating point; None where there is none."""
        point, probability = self.card.thresholds.operating_point, self._referral(calibrated)
        return None if point is None or probability is None else probability >= point

    def _point_shown(self, calibrated: Floats, answered: Floats) -> float | None:
        """The operating point among the probabilities that are answered."""
        point, before, after = (
            self.card.thresholds.operating_point,
            self._referral(calibrated),
            self._referral(answered),
        )
        if point is None or before is None or after is None or self._adjustment is None:
            return point
        return shifted_threshold(point, before, after)

    def _calibrated(self, probabilities: Floats) -> Floats:
        return calibrate(probabilities, self.card.temperature, self.card.bias)

    def probabilities(self, squares: Pixels) -> Floats:
        """Calibrated probabilities (n, classes) of squares (n, size, size, 3), adjusted to no prevalence."""
        return self._calibrated(np.concatenate([part.probabilities for part in self._parts(squares)]))

    def look(self, framed: Sequence[Pixels]) -> tuple[Floats, NDArray[np.bool_]]:
        """The same of squares whose contrast is not evened out yet, and whether the model knows their kind (n,)."""
        parts = self._parts(np.stack([even_out(each, self.card.preprocessing) for each in framed]))
        views = {EMBEDDING: np.concatenate([part.embedding for part in parts])}
        if APPEARANCE in self._novelty.views:
            views[APPEARANCE] = np.stack([describe(each) for each in framed])
        found = self._calibrated(np.concatenate([part.probabilities for part in parts]))
        return found, self._novelty.score(views) <= self.card.thresholds.novelty

    def _parts(self, squares: Pixels) -> list[Outputs]:
        return [self._engine.run(squares[i : i + _BATCH]) for i in range(0, len(squares), _BATCH)]

    def _load_engine(self, bundle: Path, threads: int) -> tuple[Engine, int]:
        """Return the engine that the card names, and the bytes of its files."""
        engine = ENGINES.get(self.card.engine)
        if engine is None:
            raise Unavailable(f"The bundle needs the engine {self.card.engine!r}; known are: {', '.join(ENGINES)}.")
        paths = [_verified(bundle, name, self.card) for name in (engine.file_name, *engine.beside)]
        return engine(paths[0], threads), sum(path.stat().st_size for path in paths)

    def _novelty_score(self, views: Views) -> NoveltyScore:
        score, threshold = float(self._novelty.score(views)[0]), self.card.thresholds.novelty
        return NoveltyScore(score, threshold, score <= threshold)

    def _warm_up(self) -> None:
        """Run once, so that the first request is as fast as the others and a misfit shows now."""
        blank = np.zeros((self._size, self._size, 3), np.uint8)
        try:
            self._answer(self._view(Decoded(blank, *blank.shape[:2], "")), self._engine.run(blank[None]))
        except Exception as error:
            raise Unavailable("The network does not fit its card; train or copy the bundle again.") from error


def _read_card(bundle: Path) -> Card:
    path = bundle / CARD_NAME
    try:
        card = Card.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise Unavailable(f"{path.name} cannot be read; train or copy the bundle again.") from error
    if card.preprocessing.size is None:
        raise Unavailable(f"{path.name} does not say the size of the network's input; train the bundle again.")
    return card


def _verified(bundle: Path, name: str, card: Card) -> Path:
    """Return the path of a bundle's file whose checksum is the card's."""
    path = bundle / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read; copy the bundle again.") from error
    if digest != card.files.get(name):
        raise Unavailable(f"{path.name} is not the file that its card describes; copy the bundle again.")
    return path
