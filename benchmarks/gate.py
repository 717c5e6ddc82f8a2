"""How often does the promotion gate let a worse model through, and a good one? `python -m benchmarks.gate`.

Pairs of models are simulated by the rates at which the new one gains and loses right answers; no photograph is needed.
The test sets are judged by the gate itself with its usual margin.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, norm

from app.classifiers.spec import PromotionSpec
from app.inference.arrays import Floats
from app.training.evaluation.gate import judge
from app.training.statistics.paired import Difference, Strata, areas_under_roc, right_answers

SIZES = (3, 6, 10, 20, 50, 100, 200, 300, 500)
ACCURACIES = (0.6, 0.8, 0.95, 0.99)
PREVALENCES = (0.5, 0.01)
CHANGED = 0.3  # share of the champion's errors that the new model, for all its own, gets right
COPIED = 0.5  # share of the second photographs of a patient that are answered as the first
MARGIN = PromotionSpec().margin
SEED = 2024


class Truth(NamedTuple):
    """By how much the new model is better for the sick and for the healthy, and what that is called."""

    name: str
    sick: float
    healthy: float


WORSE = (
    Truth(f"worse by {MARGIN:.2f}", -MARGIN, -MARGIN),
    Truth("worse by 0.10", -0.1, -0.1),
    Truth(f"worse by {2 * MARGIN:.2f} for the sick alone", -2 * MARGIN, 0.0),
)
GOOD = (Truth("as good", 0.0, 0.0), Truth("better by 0.05, or without an error", 0.05, 0.05))


def main() -> None:
    """Simulate and print Markdown tables: the share of the test sets on which the new model was promoted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=1000, help="test sets of each size")
    repetitions = parser.parse_args().repetitions
    worst = 0.0
    for truth in (*WORSE, *GOOD):
        print(f"\nBalanced accuracy, {truth.name}:\n\n| sick | accuracy | " + _line(SIZES), flush=True)
        print("| ---: | ---: |" + " ---: |" * len(SIZES))
        for prevalence in PREVALENCES:
            for accuracy in ACCURACIES:
                shares = [_share(truth, prevalence, accuracy, size, repetitions) for size in SIZES]
                worst = max(worst, *shares) if truth in WORSE else worst
                print(
                    f"| {prevalence:.0%} | {accuracy:.2f} | " + _line([f"{share:.3f}" for share in shares]), flush=True
                )
    print(f"\nThe most of all worse models: {worst:.3f}")
    _others(max(1, repetitions // 5))


def _others(repetitions: int) -> None:
    """Two photographs of each patient, and the area under the ROC curve."""
    sizes = SIZES[1:]
    print(f"\nHalf sick, champion .90:\n\n| judged | truth | {_line(sizes)}\n| --- | --- |" + " ---: |" * len(sizes))
    for truth in (WORSE[0], GOOD[0]):
        shares = [_share_of_patients(truth, size, repetitions) for size in sizes]
        print(f"| two photographs of each patient | {truth.name} | " + _line([f"{share:.3f}" for share in shares]))
    for truth in (WORSE[0], GOOD[0]):
        shares = [_share_by_area(truth.sick, size, repetitions) for size in sizes]
        print(f"| area under the ROC curve | {truth.name} | " + _line([f"{share:.3f}" for share in shares]), flush=True)


def _line(cells: Sequence[object]) -> str:
    return " | ".join(str(cell) for cell in cells) + " |"


def _rates(accuracy: float, better: float) -> tuple[float, float]:
    """The shares of images that the new model gains and loses; it cannot gain more than the champion's errors."""
    gained = min(CHANGED * (1 - accuracy) + max(better, 0.0), 1 - accuracy)
    lost = CHANGED * (1 - accuracy) + max(-better, 0.0) if better <= 0 else max(gained - better, 0.0)
    return gained, lost


def _share(truth: Truth, prevalence: float, accuracy: float, size: int, repetitions: int) -> float:
    random = np.random.default_rng([SEED, size])
    sick = max(1, round(prevalence * size))
    drawn = []
    for n, better in ((sick, truth.sick), (size - sick, truth.healthy)):
        gained, lost = _rates(accuracy, better)
        drawn.append(random.multinomial(n, [gained, lost, 1 - gained - lost], repetitions))
    counts, times = np.unique(np.concatenate(drawn, axis=1), axis=0, return_counts=True)
    gains, losses = counts[:, [0, 3]].T, counts[:, [1, 4]].T
    found = Strata(gains.astype(float), losses.astype(float), np.array([[sick], [size - sick]], float)).limits()
    promoted = [
        _judged(Difference(float(value), [float(low), float(high)], lambda _: None), _mcnemar(int(gained), int(lost)))
        for value, low, high, gained, lost in zip(*found, gains.sum(axis=0), losses.sum(axis=0), strict=True)
    ]
    return float(np.average(promoted, weights=times))


@cache
def _mcnemar(gained: int, lost: int) -> dict[str, float]:
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return {"gained": gained, "lost": lost, "p": p}


def _promoted(labels: np.ndarray[tuple[int], np.dtype[np.int64]], gain: Floats, groups: Sequence[str]) -> bool:
    right = (gain > 0).astype(float), (gain < 0).astype(float)
    gained, lost = (int(each.sum()) for each in right)
    return _judged(right_answers(labels, right, groups, by_class=True), _mcnemar(gained, lost))


def _judged(found: Difference, mcnemar: dict[str, float]) -> bool:
    figures = {
        "images": 1, "same_classes": True, "challenger": found.value, "champion": 0.0, "difference": found.value,
        "interval": found.interval, "mcnemar": mcnemar, "calibration_rise": 0.0, "calibration_rise_interval": None,
    }  # fmt: skip
    return judge(figures, PromotionSpec()).promote


def _share_of_patients(truth: Truth, size: int, repetitions: int) -> float:
    random = np.random.default_rng([SEED, size, 1])
    patients = size // 2
    promoted = []
    gained, lost = _rates(0.9, truth.sick)
    for _ in range(repetitions):
        one, other = random.choice([1.0, -1.0, 0.0], (2, patients), p=[gained, lost, 1 - gained - lost])
        other = np.where(random.random(patients) < COPIED, one, other)
        labels, groups = np.arange(patients) % 2, [str(row) for row in range(patients)]
        promoted.append(_promoted(np.tile(labels, 2), np.concatenate([one, other]), groups * 2))
    return float(np.mean(promoted))


def _share_by_area(better: float, size: int, repetitions: int) -> float:
    """Scores of two normal distributions; two thirds of the noise are common to both models."""
    random, promoted, labels = np.random.default_rng([SEED, size, 2]), [], np.arange(size) % 2
    gaps = [np.sqrt(2) * float(norm.ppf(area)) for area in (0.9 + better, 0.9)]
    for _ in range(repetitions):
        common, *own = random.normal(size=(3, size))
        scores = [norm.cdf(gap * labels + np.sqrt(2 / 3) * common + np.sqrt(1 / 3) * each - gap / 2)
                  for gap, each in zip(gaps, own, strict=True)]  # fmt: skip
        pair = [np.stack([1 - score, score], axis=1) for score in scores]
        found = areas_under_roc(labels, (pair[0], pair[1]), [str(row) for row in range(size)])
        assert found is not None
        promoted.append(_judged(found, {"gained": 0, "lost": 0, "p": 1.0}))
    return float(np.mean(promoted))


if __name__ == "__main__":
    main()
