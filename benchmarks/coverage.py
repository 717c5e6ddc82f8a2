"""Do prediction sets hold what they promise? `python -m benchmarks.coverage`.

A simulation, so no photographs are needed. For each number of calibration images and prevalence, thresholds are fitted
many times, each time on other images, and judged on fresh ones: how often the set holds the truth, of the sick and of
the healthy; what share of a screening gets a clear answer, and how often that is right; and what share of the sick is
told `no_refer`. "One threshold" is one for all classes and never an empty set, as Fovea once made them. The last rows
are of heads that Fovea trains with cross-validation, and that serve fitted to all their images (cross-conformal).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.arrays import Floats, Integers
from app.inference.calibration import calibrate, within
from app.training.evaluation.conformal import fit_thresholds
from app.training.evaluation.operating_point import best_balanced
from app.training.evaluation.scaling import fit_scaling
from benchmarks.simulated import counts, eyes, network, trained

IMAGES, PREVALENCES, HEADS = (3, 30, 300), (0.01, 0.5), (60, 300)
FRESH, SEED, EQUAL = 1000, 2024, np.array([0.5, 0.5])
COLUMNS = "thresholds | calibration images | prevalence | sick in set | healthy in set | clear answer | of these right"
Sets = Callable[[Floats], NDArray[np.bool_]]


class Answers(NamedTuple):
    """Probabilities (n, 2) of sick and healthy, and the truth (n,)."""

    probabilities: Floats
    labels: Integers


def main() -> None:
    """Simulate and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--coverage", type=float, default=0.95, help="what the sets promise")
    parser.add_argument("--repeats", type=int, default=400, help="calibrations for each row")
    parser.add_argument("--heads", type=int, default=30, help="heads trained for each of the last rows")
    options = parser.parse_args()
    random = np.random.default_rng(SEED)
    print(f"Promised: {options.coverage:.0%} of each class.\n")
    print(f"| {COLUMNS} | sick told no_refer |\n| --- {'| ---: ' * 7}|")
    for name, rule in (("one threshold", one_threshold), ("of each class", of_each_class)):
        for images in IMAGES:
            for prevalence in PREVALENCES:
                found = [_network(counts(images, prevalence), random) for _ in range(options.repeats)]
                _print((name, images, prevalence), [_judged(*pair, rule, options.coverage) for pair in found])
    for images in HEADS:
        heads = [_head(images, random) for _ in range(options.heads)]
        _print(
            ("of each class, heads", images, 0.5), [_judged(*pair, of_each_class, options.coverage) for pair in heads]
        )


def one_threshold(given: Answers, coverage: float) -> Sets:
    """Split conformal sets that hold the truth of all images together; the likeliest class is in every set."""
    rank = math.ceil((len(given.labels) + 1) * coverage)
    true = np.sort(given.probabilities[np.arange(len(given.labels)), given.labels])[::-1]
    limit = float(true[rank - 1]) if rank <= len(true) else 0.0
    return lambda found: (found >= limit) | (found == found.max(axis=1, keepdims=True))


def of_each_class(given: Answers, coverage: float) -> Sets:
    """The sets that Fovea makes."""
    limits = fit_thresholds(*given, coverage)
    return lambda found: within(found, limits)


def _network(sizes: tuple[int, int], random: np.random.Generator) -> tuple[Answers, Answers]:
    """A network's calibrated answers: those to calibration images, and fresh ones."""
    given, fresh = eyes(*sizes, random), eyes(FRESH, FRESH, random)
    raw = network(given.features)
    scaling = fit_scaling(raw, given.labels, EQUAL)
    return (
        Answers(calibrate(raw, *scaling), given.labels),
        Answers(calibrate(network(fresh.features), *scaling), fresh.labels),
    )


def _head(images: int, random: np.random.Generator) -> tuple[Answers, Answers]:
    """The same of a head: calibrated by its cross-validation, fresh images answered by what serves."""
    given, fresh = eyes(*counts(images, 0.5), random), eyes(FRESH, FRESH, random)
    fit = trained(given)
    scaling = fit_scaling(fit.kept_out, given.labels, EQUAL)
    return (
        Answers(calibrate(fit.kept_out, *scaling), given.labels),
        Answers(calibrate(fit.head.probabilities(fresh.features), *scaling), fresh.labels),
    )


def _judged(given: Answers, fresh: Answers, rule: Callable[[Answers, float], Sets], coverage: float) -> Floats:
    """(3, 2): of the sick and of the healthy, the shares in the set, told to be sick, and told to be healthy."""
    inside = rule(given, coverage)(fresh.probabilities)
    above = fresh.probabilities[:, 0] >= best_balanced(given.probabilities[:, 0], given.labels == 0)
    single = inside.sum(axis=1) == 1
    agreed = single & (inside[:, 0] == above) if rule is of_each_class else single
    held = inside[np.arange(len(fresh.labels)), fresh.labels]
    parts = (held, agreed & above, agreed & ~above)
    return np.array([[part[fresh.labels == side].mean() for side in (0, 1)] for part in parts])


def _print(name: tuple[str, int, float], found: Sequence[Floats]) -> None:
    title, images, prevalence = name
    held, referred, cleared = np.mean(found, axis=0)
    mix = np.array([prevalence, 1 - prevalence])
    clear = float((referred + cleared) @ mix)
    right = f"{(referred[0] * mix[0] + cleared[1] * mix[1]) / clear:.3f}" if clear else ""
    figures = f"{held[0]:.3f} | {held[1]:.3f} | {clear:.3f} | {right} | {cleared[0]:.3f}"
    print(f"| {title} | {images} | {prevalence:.0%} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
