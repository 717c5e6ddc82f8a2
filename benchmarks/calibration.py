"""Are probabilities as often right as they say? `python -m benchmarks.calibration`.

A simulation, so no photographs are needed. Heads are trained with class weights, as the product does, on images with
so many sick among them, calibrated by their cross-validation, and judged on fresh images with as many: the mean
probability of disease, which should be the share of the sick, and the errors of calibration. "Before" is the head as it
was trained, "temperature" what one temperature can do, "scaled" what Fovea serves.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from scipy.optimize import minimize_scalar

from app.inference.arrays import Floats, Integers
from app.inference.calibration import calibrate
from app.training.evaluation.scaling import Scaling, fit_scaling
from app.training.statistics.weighted import FIGURES
from benchmarks.simulated import Eyes, counts, eyes, trained

PREVALENCES, FRESH, SEED, EQUAL = (0.01, 0.05, 0.1, 0.5), 20_000, 2024, np.array([0.5, 0.5])
SHOWN = ("ece", "classwise_ece", "brier", "log_loss")
NONE = Scaling(1.0, np.zeros(2))


def main() -> None:
    """Simulate and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[300], help="to train on")
    parser.add_argument("--repeats", type=int, default=10, help="heads trained for each row")
    options = parser.parse_args()
    print("| images | prevalence | probabilities | mean P(disease) | ECE | class-wise ECE | Brier | log loss |")
    print(f"| ---: | ---: | --- {'| ---: ' * 5}|")
    for images in options.images:
        for prevalence in PREVALENCES:
            random = np.random.default_rng(SEED)
            found = [_measured(images, prevalence, random) for _ in range(options.repeats)]
            for name in found[0]:
                means = np.mean([each[name] for each in found], axis=0)
                print(f"| {images} | {prevalence:.0%} | {name} | {' | '.join(f'{mean:.3f}' for mean in means)} |")
            sys.stdout.flush()


def _measured(images: int, prevalence: float, random: np.random.Generator) -> dict[str, list[float]]:
    """Train a head, and judge its probabilities on fresh images."""
    given, fresh = eyes(*counts(images, prevalence), random), eyes(*counts(FRESH, prevalence), random)
    fit = trained(given)
    answers = fit.head.probabilities(fresh.features)
    ways = {
        "before": NONE,
        "temperature": _temperature(fit.kept_out, given.labels),
        "scaled": fit_scaling(fit.kept_out, given.labels, EQUAL),
    }
    return {name: _figures(calibrate(answers, *way), fresh) for name, way in ways.items()}


def _temperature(probabilities: Floats, labels: Integers) -> Scaling:
    """The one with the lowest log loss (Guo et al., ICML 2017)."""
    once = np.ones((1, len(labels)))

    def loss(logarithm: float) -> float:
        return float(
            FIGURES["log_loss"](labels.astype(np.int64), calibrate(probabilities, np.exp(logarithm), NONE.bias), once)[
                0
            ]
        )

    return Scaling(float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x)), NONE.bias)


def _figures(probabilities: Floats, fresh: Eyes) -> list[float]:
    once = np.ones((1, len(fresh.labels)))
    errors = [float(FIGURES[name](fresh.labels.astype(np.int64), probabilities, once)[0]) for name in SHOWN]
    return [float(probabilities[:, 0].mean()), *errors]


if __name__ == "__main__":
    main()
