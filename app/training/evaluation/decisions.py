"""How good the decisions are: of whole answers, refusals included, as a user gets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.classifiers.card import Thresholds
from app.classifiers.spec import ClassifierSpec
from app.inference.arrays import Floats, Integers
from app.inference.calibration import referral, within
from app.inference.decision import ANSWERED, Decision, decide
from app.training.statistics.proportions import proportion

Flags = NDArray[np.bool_]
SOURCES = 20


@dataclass(frozen=True)
class Judged:
    """Images with their class indices `labels`, `groups` and `sources`, and what was answered to each (all (n,)).

    `top` is the class with the highest probability, `above` whether a screening's operating point is reached (None
    without one), `decisions` what a user is told.
    """

    labels: Integers
    groups: NDArray[Any]
    sources: NDArray[Any]
    top: Integers
    above: Flags | None
    decisions: NDArray[Any]

    def of(self, rows: Flags) -> Judged:
        """The same of some images."""
        above = None if self.above is None else self.above[rows]
        return Judged(
            self.labels[rows], self.groups[rows], self.sources[rows], self.top[rows], above, self.decisions[rows]
        )


def decided(
    probabilities: Floats, familiar: Flags, gradable: Flags, thresholds: Thresholds, spec: ClassifierSpec
) -> list[Decision]:
    """The decision on each image, by the rule that serves.

    From calibrated probabilities (n, classes), and whether an image is of the kind that the model knows (`familiar`)
    and can be graded (n,).
    """
    possible = within(probabilities, thresholds.of(spec.class_names), ordered=spec.ordinal)
    above = reached(probabilities, thresholds, spec)
    return [
        decide(
            in_distribution=bool(familiar[row]),
            gradable=bool(gradable[row]) or not spec.reject_ungradable,
            possible=[spec.class_names[index] for index in np.flatnonzero(possible[row])],
            referred=spec.referred,
            above=None if above is None else bool(above[row]),
        )
        for row in range(len(probabilities))
    ]


def reached(probabilities: Floats, thresholds: Thresholds, spec: ClassifierSpec) -> Flags | None:
    """Whether each image (n,) reaches a screening's operating point; None where there is none."""
    referred = spec.screening.referred
    if not referred or thresholds.operating_point is None:
        return None
    return np.asarray(referral(probabilities, referred) >= thresholds.operating_point)


def decision_figures(judged: Judged, spec: ClassifierSpec) -> dict[str, Any]:
    """All figures of decisions, and those of each source where there are two or more, as plain JSON values."""
    found = _figures(judged, spec)
    names = [name for name, _ in Counter(judged.sources.tolist()).most_common(SOURCES)]
    if len(names) > 1:
        found["sources"] = {name: _figures(judged.of(judged.sources == name), spec) for name in names}
    return found


def prediction_set_figures(
    labels: Integers, inside: Flags, groups: Sequence[str], classes: Sequence[str]
) -> dict[str, Any]:
    """How often the prediction sets `inside` (n, classes) hold the truth, of all images and of each class.

    `mean_size` is how many classes they name; `empty`, `single` and `several` are the shares of sets of that size.
    """
    held, sizes, patients = inside[np.arange(len(labels)), labels], inside.sum(axis=1), np.array(groups)
    per_class = {
        name: _share("coverage", held[labels == index], patients[labels == index]) for index, name in enumerate(classes)
    }
    shares = {"empty": sizes == 0, "single": sizes == 1, "several": sizes > 1}
    return {
        **_share("coverage", held, patients),
        "per_class": per_class,
        "mean_size": float(sizes.mean()),
        **{name: float(each.mean()) for name, each in shares.items()},
    }


def _figures(judged: Judged, spec: ClassifierSpec) -> dict[str, Any]:
    """The figures of some images.

    `answered` is the share that got an answer and was not left to a person. `accuracy_answered`, how often those
    answers are right, beside `accuracy_all`, how often they would be if every image got one: the selective risk is 1
    less the first (El-Yaniv & Wiener 2010).
    """
    answered = np.isin(judged.decisions, list(ANSWERED))
    right = _right(judged, spec)
    counts = {
        name: dict(sorted(Counter(judged.decisions[judged.labels == index].tolist()).items()))
        for index, name in enumerate(spec.class_names)
    }
    found = {
        "n": len(answered),
        "counts": counts,
        **_share("answered", answered, judged.groups),
        **_share("accuracy_answered", right[answered], judged.groups[answered]),
        **_share("accuracy_all", right, judged.groups),
    }
    return {**found, "screening": _screening(judged, spec)} if spec.referred else found


def _right(judged: Judged, spec: ClassifierSpec) -> Flags:
    """Whether each answer is right: the referral of a screening, else the class."""
    if judged.above is None:
        return np.asarray(judged.top == judged.labels)
    return np.asarray(judged.above == np.isin(judged.labels, spec.screening.referred))


def _screening(judged: Judged, spec: ClassifierSpec) -> dict[str, Any]:
    """What becomes of the sick and of the others, of all of them.

    `sensitivity`: the share of the sick that are referred; `specificity`: the share of the others that are not, by a
    clear answer; `missed`: the share of the sick that are told `no_refer`; `false_alarms`: that of the others that are
    referred. The rest of both is left to a person.
    """
    sick = np.isin(judged.labels, spec.screening.referred)
    found: dict[str, Any] = {}
    for name, side, decision in (
        ("sensitivity", sick, "refer"),
        ("missed", sick, "no_refer"),
        ("specificity", ~sick, "no_refer"),
        ("false_alarms", ~sick, "refer"),
    ):
        found |= _share(name, judged.decisions[side] == decision, judged.groups[side])
    return {**found, "sick": int(sick.sum()), "others": int((~sick).sum())}


def _share(name: str, hits: Flags, groups: NDArray[Any]) -> dict[str, Any]:
    """A share with its interval; None of nothing."""
    share = float(hits.mean()) if len(hits) else None
    return {name: share, f"{name}_interval": proportion(hits, groups.tolist())}
