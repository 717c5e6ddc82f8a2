"""Divides images into train, val and test, so that no group is parted and no image moves when others join.

Each group has a place in [0, 1) that depends on its name and the seed alone, and the shares cut that line: what
joins later moves nothing. Only where chance leaves a class without one of the splits is a group moved into it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from app.classifiers.spec import SPLITS, Split

SHARES: Mapping[Split, float] = {"train": 0.70, "val": 0.15, "test": 0.15}
Unit = tuple[str, Split | None]  # a group, and the split that the data's folders give it


def assign(
    keys: Sequence[tuple[str, str]],
    seed: int,
    shares: Mapping[Split, float] = SHARES,
    given: Sequence[Split | None] | None = None,
) -> list[Split]:
    """A split for each (label, group): groups stay whole, and a class of three groups or more is in every split.

    `given` are the splits that the data's folders name. They are kept, but for this: a split that is never given
    is taken out of the given training images. Where the classes share groups, the second promise is best effort.
    """
    units = _units(keys, given or [None] * len(keys))
    choices = _choices(given or ())
    chosen = {unit: _cut(_place(unit[0], seed), choices[unit[1]], shares) for unit in units}
    labels: defaultdict[Unit, set[str]] = defaultdict(set)
    for unit, (label, _) in zip(units, keys, strict=True):
        labels[unit].add(label)
    _fill_gaps(chosen, labels, choices, seed)
    return [chosen[unit] for unit in units]


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


def _units(keys: Sequence[tuple[str, str]], given: Sequence[Split | None]) -> list[Unit]:
    """What moves together; an image without a given split follows one of its group that has one."""
    known: dict[str, Split] = {}
    for wanted in SPLITS:  # the later win: an image whose sibling is in the test split is kept out of training
        known.update({group: wanted for (_, group), split in zip(keys, given, strict=True) if split == wanted})
    return [(group, split or known.get(group)) for (_, group), split in zip(keys, given, strict=True)]


def _choices(given: Sequence[Split | None]) -> dict[Split | None, tuple[Split, ...]]:
    """The splits that an image may go to, by the split that it was given."""
    never_given: list[Split] = [split for split in SPLITS if split not in given]
    return {None: SPLITS, "train": ("train", *never_given), "val": ("val",), "test": ("test",)}


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
    chosen: dict[Unit, Split],
    labels: Mapping[Unit, set[str]],
    choices: Mapping[Split | None, tuple[Split, ...]],
    seed: int,
) -> None:
    """Move groups, as few as possible, into the splits that lack a class, never emptying another."""
    counts = Counter((label, chosen[unit]) for unit, own in labels.items() for label in own)
    for label, split in product(sorted(set().union(*labels.values())), SPLITS):
        if counts[label, split]:
            continue
        spare = [
            unit
            for unit, own in labels.items()
            if label in own and split in choices[unit[1]] and all(counts[each, chosen[unit]] > 1 for each in own)
        ]
        if spare:
            moved = max(spare, key=lambda unit: _place(unit[0], seed))
            counts.subtract((each, chosen[moved]) for each in labels[moved])
            counts.update((each, split) for each in labels[moved])
            chosen[moved] = split
