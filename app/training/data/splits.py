"""Divides images into train, val and test, so that no group is parted and what was decided once stays decided.

Each group has a place in [0, 1) that depends on its name and the seed alone, and the shares cut that line. Only where
chance leaves a class without one of the splits is a group moved into it. From then on its images keep their split,
however the dataset grows. Where groups turn out to be one, it goes to the earliest split of its parts: images may move
from test to val and to train, and never the other way, since a model may have learned from them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from app.classifiers.spec import SPLITS, Split, SplitSpec

SHARES: Mapping[Split, float] = SplitSpec().shares


class _Unit(NamedTuple):
    """What moves together: a group, the split that the data's folders give it, and the earliest that it was in."""

    group: str
    given: Split | None
    used: Split | None


def assign(
    keys: Sequence[tuple[str, str]],
    seed: int,
    shares: Mapping[Split, float] = SHARES,
    given: Sequence[Split | None] | None = None,
    used: Sequence[Split | None] | None = None,
) -> list[Split]:
    """A split for each (label, group): groups stay whole, and a class of three groups or more is in every split.

    `given` are the splits that the data's folders name. They are kept, but for this: a split that is never given
    is taken out of the given training images. `used` are the earliest splits that dataset versions had the images in:
    their groups stay there, or go to an earlier one. With shared or used groups the second promise is best effort.
    """
    units = _units(keys, given or [None] * len(keys), used or [None] * len(keys))
    choices = {unit: _choices(unit, given or ()) for unit in units}
    chosen = {unit: _choose(unit, choices[unit], seed, shares) for unit in units}
    labels: defaultdict[_Unit, set[str]] = defaultdict(set)
    for unit, (label, _) in zip(units, keys, strict=True):
        labels[unit].add(label)
    _fill_gaps(chosen, labels, choices, seed)
    return [chosen[unit] for unit in units]


def earliest(splits: Iterable[Split | None]) -> Split | None:
    """The first of these splits in the order train, val, test; None of nothing."""
    return min((split for split in splits if split), key=SPLITS.index, default=None)


def unite(groups: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Join the groups of each pair of rows; every joined group has the name of its first row's group.

    What joins later leaves those names as they are, but where it links two groups that were apart.
    """
    parents = {group: group for group in groups}
    order = {group: place for place, group in reversed(list(enumerate(groups)))}

    def root(group: str) -> str:
        while parents[group] != group:
            parents[group] = group = parents[parents[group]]
        return group

    for first, second in pairs:
        early, late = sorted((root(groups[first]), root(groups[second])), key=order.__getitem__)
        parents[late] = early
    return [root(group) for group in groups]


def leaks(groups: Sequence[str], splits: Sequence[Split]) -> list[int]:
    """Rows to leave out, since their group is in a split that comes later in train, val, test."""
    last: dict[str, int] = {}
    for group, split in zip(groups, splits, strict=True):
        last[group] = max(last.get(group, 0), SPLITS.index(split))
    return [row for row, group in enumerate(groups) if SPLITS.index(splits[row]) < last[group]]


def _units(keys: Sequence[tuple[str, str]], given: Sequence[Split | None], used: Sequence[Split | None]) -> list[_Unit]:
    """The unit of each image; one without a given split follows its group's past, else one of it that has one."""
    past: dict[str, Split | None] = {}
    for (_, group), split in zip(keys, used, strict=True):
        past[group] = earliest([past.get(group), split])
    known: dict[str, Split] = {}
    for wanted in SPLITS:  # the later win: an image whose sibling is in the test split is kept out of training
        known.update({group: wanted for (_, group), split in zip(keys, given, strict=True) if split == wanted})
    return [
        _Unit(group, split or (None if past[group] else known.get(group)), past[group])
        for (_, group), split in zip(keys, given, strict=True)
    ]


def _choices(unit: _Unit, given: Sequence[Split | None]) -> tuple[Split, ...]:
    """The splits that a unit may go to, in order."""
    if unit.given in ("val", "test"):
        return (unit.given,)
    possible = [split for split in SPLITS if unit.given is None or split == "train" or split not in given]
    return tuple(split for split in possible if unit.used is None or SPLITS.index(split) <= SPLITS.index(unit.used))


def _choose(unit: _Unit, choices: tuple[Split, ...], seed: int, shares: Mapping[Split, float]) -> Split:
    """Where it was, else by its place; what was given for training and was not taken out of it stays there."""
    if unit.used is None:
        return _cut(_place(unit.group, seed), choices, shares)
    return unit.used if unit.used in choices else choices[0]


def _place(group: str, seed: int) -> float:
    """The group's place on the line from 0 to 1."""
    digest = hashlib.blake2b(f"{seed}:{group}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _cut(place: float, choices: tuple[Split, ...], shares: Mapping[Split, float]) -> Split:
    """The split of that place, when the line is divided among `choices` by their shares."""
    reach = place * sum(shares[split] for split in choices)
    for split in choices[:-1]:
        reach -= shares[split]
        if reach < 0:
            return split
    return choices[-1]


def _fill_gaps(
    chosen: dict[_Unit, Split], labels: Mapping[_Unit, set[str]], choices: Mapping[_Unit, tuple[Split, ...]], seed: int
) -> None:
    """Move groups, as few as possible, into the splits that lack a class, never emptying another; new ones first."""
    counts = Counter((label, chosen[unit]) for unit, own in labels.items() for label in own)
    for label, split in product(sorted(set().union(*labels.values())), SPLITS):
        if counts[label, split]:
            continue
        spare = [
            unit
            for unit, own in labels.items()
            if label in own and split in choices[unit] and all(counts[each, chosen[unit]] > 1 for each in own)
        ]
        if spare:
            moved = max(spare, key=lambda unit: (unit.used is None, _place(unit.group, seed)))
            counts.subtract((each, chosen[moved]) for each in labels[moved])
            counts.update((each, split) for each in labels[moved])
            chosen[moved] = split
