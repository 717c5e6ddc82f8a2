"""Datasets that grow in every way: what was learned from never tests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from app.classifiers.spec import SPLITS, Split
from app.training.data.splits import assign, earliest, leaks, unite

BEFORE = {split: set(SPLITS[: place + 1]) for place, split in enumerate(SPLITS)}
IMAGES = st.tuples(st.sampled_from("ab"), st.integers(0, 25), st.sampled_from([None, None, None, *SPLITS]))
STEPS = st.lists(
    st.tuples(st.lists(IMAGES, max_size=12), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=2)),
    min_size=2,
    max_size=6,
)


@dataclass
class Dataset:
    """Images as rows, as the services keep them."""

    labels: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    given: list[Split | None] = field(default_factory=list)
    used: list[Split | None] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def grow(self, images: list[tuple[str, int, Split | None]], pairs: list[tuple[int, int]]) -> None:
        for label, patient, split in images:
            self.labels.append(label)
            self.patients.append(f"p{patient}")
            self.given.append(split)
            self.used.append(None)
        n = len(self.labels)
        self.pairs += [(one % n, other % n) for one, other in pairs if n]

    def freeze(self, seed: int) -> tuple[list[str], dict[int, Split]]:
        """Divide and decide; return the groups, and the splits of the images that are not left out."""
        groups = unite(self.patients, self.pairs)
        splits = assign(list(zip(self.labels, groups, strict=True)), seed, given=self.given, used=self.used)
        out = set(leaks(groups, splits))
        kept = {row: split for row, split in enumerate(splits) if row not in out}
        for row, split in kept.items():
            self.used[row] = earliest([self.used[row], split])
        return groups, kept


@settings(max_examples=200)
@given(STEPS, st.integers(0, 20))
def test_no_image_that_was_learned_from_ever_tests_unless_somebody_gives_it_for_that(
    steps: list[tuple[list[tuple[str, int, Split | None]], list[tuple[int, int]]]], seed: int
) -> None:
    data, before = Dataset(), dict[int, Split]()
    for images, pairs in steps:
        data.grow(images, pairs)
        if not data.labels:
            continue
        groups, now = data.freeze(seed)
        sides = defaultdict(set)
        for row, split in now.items():
            sides[groups[row]].add(split)
            if row in before and data.given[row] is None:
                assert split in BEFORE[before[row]]  # from test to train it may go
        assert all(len(found) == 1 for found in sides.values())
        before |= now


@settings(max_examples=100)
@given(STEPS, st.integers(0, 20))
def test_without_new_links_no_image_of_a_full_dataset_moves_at_all(
    steps: list[tuple[list[tuple[str, int, Split | None]], list[tuple[int, int]]]], seed: int
) -> None:
    """Each class is in each split already, so nothing has to be moved into one."""
    data = Dataset()
    data.grow([(label, 100 + 10 * place + number, None) for place, label in enumerate("ab") for number in range(9)], [])
    before = data.freeze(seed)[1]
    assert {(data.labels[row], split) for row, split in before.items()} == {(a, b) for a in "ab" for b in SPLITS}
    for images, _ in steps:
        data.grow([(label, patient, None) for label, patient, _ in images], [])
        now = data.freeze(seed)[1]
        assert before.items() <= now.items()
        before = now


@given(st.permutations(SPLITS), st.integers(0, 20))
def test_groups_that_turn_out_to_be_one_go_to_the_earliest_split_of_its_parts(splits: list[Split], seed: int) -> None:
    groups = unite(["p1", "p2", "p3"], [(0, 1), (1, 2)])
    keys = [("a", group) for group in groups]
    assert assign(keys, seed, used=splits) == ["train"] * 3
    assert assign(keys, seed, used=[None, "test", "val"]) == ["val"] * 3
    assert assign(keys, seed, used=[None, "test", None]) == ["test"] * 3


@given(st.integers(0, 20))
def test_a_gap_is_filled_by_new_groups_and_never_by_what_was_learned_from(seed: int) -> None:
    keys = [("a", f"p{i}") for i in range(6)]
    learned: list[Split | None] = ["train"] * 6
    assert set(assign(keys, seed, used=learned)) == {"train"}
    splits = assign([*keys, ("a", "new"), ("a", "newer")], seed, used=[*learned, None, None])
    assert splits[:6] == ["train"] * 6
    assert set(splits) == set(SPLITS)
