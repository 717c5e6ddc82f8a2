"""How far long work is and how long it still needs: arithmetic alone, without a clock or a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

MOST: Final = 99.9  # percent of work that runs; 100 is for its end
FIRST: Final = 10.0  # percent before which nothing is said of the time left
SEEN: Final = 0.02  # of a stage, and
WATCHED: Final = 1.0  # seconds in it: from there on its own pace counts for more than what was expected of it
TINY: Final = 1e-6  # share that says nothing of a pace
ENOUGH: Final = 0.05  # of a stage: what it still needs counts as measured from there on


class Outlook(NamedTuple):
    """How far work is, in percent, and the seconds that it still needs; None where it is too early to say.

    `sure` are the seconds for which that holds without another report: those that the present stage still needs.
    """

    percent: float
    left: float | None
    sure: float


class Timing(NamedTuple):
    """The seconds that the work of a stage takes by default, and those that it took."""

    default: float
    took: float


class Estimate:
    """Follows work through its stages.

    `expected` are the seconds of each stage, in the order in which they come; the first is the one that the work
    begins in. A stage of another name is taken as it comes. `known`: that is what earlier work of the same kind took;
    if not, nothing is said of the time left before half of the whole is measured. Work that goes on where another
    process was cut off begins at the `percent` that was reached.
    """

    def __init__(self, expected: Mapping[str, float], percent: float = 0.0, *, known: bool = True) -> None:
        self._todo, self._known = dict(expected), known
        self._percent, self._at, self._share = percent, 0.0, 0.0
        self._expected = self._expected_before = self._took_before = 0.0
        self._measured: dict[str, tuple[float, float]] = {}
        self._enter(next(iter(self._todo), ""), 0.0)

    def report(self, stage: str, share: float, seconds: float) -> Outlook:
        """Say how far the work is after so many `seconds`, with a `share` of `stage` done.

        The percentage never falls: from where it is it moves so that it reaches its end when the time left is over.
        """
        seconds, share = max(seconds, self._at), min(max(share, 0.0), 1.0)
        passed, self._at = seconds - self._at, seconds
        if stage != self._stage:
            self._measured = self.measured
            self._expected_before += self._expected
            self._took_before += self._took
            self._enter(stage, share)
        self._share = max(self._share, share)
        left, sure = self._left()
        if passed:
            reached = self._percent + (MOST - self._percent) * passed / (passed + left)
            self._percent = max(self._percent, min(reached, MOST))
        measured = self._at + (sure if self._seen >= ENOUGH else 0.0)
        certain = self._percent >= FIRST and (self._known or 2 * measured >= self._at + left)
        return Outlook(self._percent, left if certain else None, sure)

    @property
    def measured(self) -> dict[str, tuple[float, float]]:
        """For each stage so far the share of it that was not done before, and the seconds that it took."""
        return self._measured | {self._stage: (self._new, self._took)}

    @property
    def _took(self) -> float:
        """The seconds in the present stage, until the last report."""
        return self._at - self._since

    @property
    def _new(self) -> float:
        """The share of the present stage that was not done before it began."""
        return 1 - self._begin

    @property
    def _seen(self) -> float:
        """The share of the new part of the present stage that is done."""
        return (self._share - self._begin) / self._new if self._new else 1.0

    def _enter(self, stage: str, share: float) -> None:
        """Begin a stage, a `share` of which was done before; those that come before it in the order are skipped."""
        self._stage, self._since = stage, self._at
        self._begin = self._share = share
        expected = 0.0
        while stage in self._todo:
            expected = self._todo.pop(next(iter(self._todo)))
        self._expected = expected * self._new

    def _left(self) -> tuple[float, float]:
        """The seconds that this stage and the later ones need, and those of this stage."""
        later = sum(self._todo.values())
        ahead = self._expected + later
        # What was measured counts for as much as it was expected to take, beside what is ahead.
        pace = (self._took_before + ahead) / (self._expected_before + ahead) if ahead else 1.0
        here = self._left_here(pace * self._expected)
        return here + pace * later, here

    def _left_here(self, expected: float) -> float:
        """The seconds that the rest of this stage needs: by its own pace, the more the longer it was seen."""
        seen = self._seen
        if seen < TINY:
            return max(expected - self._took, 0.0)
        observed, due = rest(self._took, seen), expected * (1 - seen)
        trust = min(seen / (seen + SEEN), self._took / (self._took + WATCHED))
        return float(observed**trust * due ** (1 - trust)) if due else observed


def rest(seconds: float, share: float) -> float:
    """The seconds that work still needs of which this `share` took so long."""
    return seconds * (1 - share) / share


def learned(default: Mapping[str, float], earlier: Sequence[Mapping[str, Timing]]) -> dict[str, float]:
    """The seconds to expect of each stage: the default, times the median of how much longer `earlier` runs took.

    A run without a stage, or that found it done already, says nothing about it.
    """
    ratios = {
        stage: [run[stage].took / run[stage].default for run in earlier if stage in run and run[stage].default > 0]
        for stage in default
    }
    return {stage: seconds * median(ratios[stage] or [1.0]) for stage, seconds in default.items()}
