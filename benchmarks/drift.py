"""How often does drift raise a false alarm, and how often does it notice a change? `python -m benchmarks.drift`.

No photograph is needed: the demonstration models answer drawings that they have not seen. Of these, a part stands for
the training images of a card, as the product keeps them, and windows of others are compared with it by the path that
serves; both are drawn again for each repetition. Then the windows' images change.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from app.classifiers import Card, Catalog
from app.classifiers.card import Reference
from app.config import CHECKOUT
from app.drawing import draw
from app.inference.arrays import Floats, Pixels
from app.inference.image.decode import decode
from app.inference.predictor import Predictor
from app.services.operations.drift import compare, measures_of, worst
from app.training.evaluation.calibration import deciles

CLASSIFIERS = ("cat_dog", "glaucoma")
STRANGERS = {"cat_dog": "fundus_normal", "glaucoma": "fundus_diabetic_retinopathy"}
LEARNED, KEPT_OUT = 350, 60  # training and validation images, as many as the demonstration models had
WINDOWS = (30, 100, 1000)
SIDE = 160  # pixels of a drawing: the networks see 128
SEED = 5_000_000  # far from the demonstration models' own drawings


class Seen(NamedTuple):
    """What the log keeps of an answer, and the novelty's score."""

    confidence: float
    measures: Mapping[str, float]
    predicted_class: str
    novelty: float
    decision: str = "accept"


class Pools(NamedTuple):
    """Answers to images of the classifier's `own` kind, to `changed` ones by change, and to another class."""

    own: Sequence[Seen]
    changed: Mapping[str, Sequence[Seen]]
    strange: Sequence[Seen]


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=1500, help="drawings of each classifier's own kind")
    parser.add_argument("--changed", type=int, default=200, help="drawings for each change")
    parser.add_argument("--repetitions", type=int, default=200, help="windows of each size")
    parser.add_argument("--classifiers", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS)
    options = parser.parse_args()
    print("| classifier | answers | " + " | ".join(("same kind", *_TITLES)) + " |")
    print("| --- | ---: |" + " ---: |" * (1 + len(_TITLES)))
    for name in options.classifiers:
        _measure(name, options.images, options.changed, options.repetitions)


def _measure(name: str, images: int, changed: int, repetitions: int) -> None:
    card = Predictor(CHECKOUT / "models" / name / "1").card
    own = _answers(name, [(subject, number, "") for number, subject in _turns(name, images)])
    pools = {
        change: _answers(name, [(subject, number, change) for number, subject in _turns(name, changed, images)])
        for change in _CHANGES
    }
    strange = _answers(name, [(STRANGERS[name], SEED + number, "") for number in range(changed)])
    for size in WINDOWS:
        random = np.random.default_rng(size)
        alarms = [_alarms(card, Pools(own, pools, strange), size, random) for _ in range(repetitions)]
        shares = " | ".join(f"{share:.2f}" for share in np.mean(alarms, axis=0))
        print(f"| {name} | {size} | {shares} |", flush=True)


def _alarms(card: Card, pools: Pools, size: int, random: np.random.Generator) -> list[bool]:
    """Whether one window of the same kind, and one of each change, differs from one reference by more than chance."""
    own, strange = pools.own, pools.strange
    order = random.permutation(len(own)).tolist()
    learned, kept_out = order[:LEARNED], order[LEARNED : LEARNED + KEPT_OUT]
    limit = float(np.percentile([own[row].novelty for row in kept_out], 95))
    known = measures_of(_card(card, [own[row] for row in learned], [own[row] for row in kept_out]))

    def alarm(window: Sequence[Seen]) -> bool:
        rows = [each._replace(decision="out_of_distribution") if each.novelty > limit else each for each in window]
        return worst(compare(known, rows)) != "stable"

    rest = [own[row] for row in order[LEARNED + KEPT_OUT :]]
    windows = [rest[:size], *(_chosen(pool, size, random) for pool in pools.changed.values())]
    first = card.classes[0]
    sides = [[each for each in rest if (each.predicted_class == first) is side] for side in (True, False)]
    few = round(0.2 * size)
    windows.append([*_chosen(sides[0], size - few, random), *_chosen(sides[1], few, random)])
    windows.append([*rest[: size - few], *_chosen(strange, few, random)])
    return [alarm(window) for window in windows]


def _card(card: Card, learned: Sequence[Seen], kept_out: Sequence[Seen]) -> Card:
    """The card that a training on these images would have written, as far as drift reads it."""
    values: dict[str, Floats] = {"confidence": np.array([each.confidence for each in kept_out])}
    values |= {name: np.array([each.measures[name] for each in learned]) for name in learned[0].measures}
    answered = [each.predicted_class for each in kept_out]
    reference = Reference(
        quality=card.reference.quality,
        histograms={name: deciles(each) for name, each in values.items()},
        sizes={name: len(each) for name, each in values.items()},
        classes={name: answered.count(name) / len(answered) for name in card.classes},
    )
    return card.model_copy(update={"reference": reference})


def _chosen(pool: Sequence[Seen], size: int, random: np.random.Generator) -> list[Seen]:
    return [pool[row] for row in random.integers(len(pool), size=size)]


def _turns(name: str, count: int, first: int = 0) -> list[tuple[int, str]]:
    subjects = [str(each.drawing) for each in Catalog()[name].classes]
    return [(SEED + number, subjects[number % len(subjects)]) for number in range(first, first + count)]


def _answers(name: str, wanted: Sequence[tuple[str, int, str]]) -> list[Seen]:
    with ProcessPoolExecutor(initializer=_load, initargs=(CHECKOUT / "models" / name / "1",)) as pool:
        return list(pool.map(_answer, wanted, chunksize=20))


def _load(bundle: Path) -> None:
    global _predictor  # noqa: PLW0603 - one for each process
    cv2.setNumThreads(1)
    _predictor = Predictor(bundle, threads=1)


def _answer(wanted: tuple[str, int, str]) -> Seen:
    subject, number, change = wanted
    image = draw(subject, number, SIDE).jpeg()
    if change:
        changed = _CHANGES[change](decode(image).pixels)
        image = cv2.imencode(".jpg", cv2.cvtColor(changed, cv2.COLOR_RGB2BGR))[1].tobytes()
    found = _predictor.predict(image)
    return Seen(found.confidence, found.measures, found.predicted_class, found.novelty.score)


def _camera(image: Pixels) -> Pixels:
    """Another white balance and exposure: red up by a tenth, green and blue down."""
    return np.asarray(np.clip(image * np.array([1.1, 0.9, 0.85]), 0, 255), np.uint8)


def _blur(image: Pixels) -> Pixels:
    """Out of focus: a Gaussian of half a percent of the side."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.005 * image.shape[0]), np.uint8)


_predictor: Predictor
_CHANGES: Mapping[str, Callable[[Pixels], Pixels]] = {"camera": _camera, "blur": _blur}
_TITLES = (*_CHANGES, "class mix 80 : 20", "new class, 20 %")


if __name__ == "__main__":
    main()
