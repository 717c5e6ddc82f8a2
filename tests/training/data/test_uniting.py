from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from app.classifiers.spec import SPLITS, Split
from app.training.data.splits import assign, leaks, unite

GROUPS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30)
GIVEN = st.sampled_from([None, *SPLITS])
ROWS = st.lists(st.tuples(st.sampled_from(["x", "y"]), st.integers(0, 30).map(str), GIVEN), min_size=1, max_size=60)


@given(GROUPS, st.data())
def test_united_are_exactly_the_groups_that_pairs_link(groups: list[str], data: st.DataObject) -> None:
    rows = st.integers(0, len(groups) - 1)
    pairs = data.draw(st.lists(st.tuples(rows, rows), max_size=12))
    united = unite(groups, pairs)
    reach = {group: {group} for group in groups}
    for _ in groups:
        for first, second in pairs:
            joined = reach[groups[first]] | reach[groups[second]]
            for group in joined:
                reach[group] = reach[group] | joined
    for one, group in enumerate(groups):
        for two, other in enumerate(groups):
            assert (united[one] == united[two]) == (other in reach[group])


@given(GROUPS, GROUPS)
def test_a_united_group_keeps_its_name_when_others_join(groups: list[str], later: list[str]) -> None:
    pairs = [(0, len(groups) - 1)]
    new = [f"new-{group}" for group in later]
    more = [*pairs, *((0, len(groups) + place) for place in range(len(new)))]
    assert unite([*groups, *new], more)[: len(groups)] == unite(groups, pairs)


@given(ROWS, st.integers(0, 9))
def test_after_leaks_are_left_out_no_group_is_on_two_sides(
    rows: list[tuple[str, str, Split | None]], seed: int
) -> None:
    groups = [group for _, group, _ in rows]
    splits = assign([(label, group) for label, group, _ in rows], seed, given=[split for *_, split in rows])
    out = set(leaks(groups, splits))
    sides = defaultdict(set)
    for row, (group, split) in enumerate(zip(groups, splits, strict=True)):
        if row not in out:
            sides[group].add(split)
    assert all(len(found) == 1 for found in sides.values())
    assert set(sides) == set(groups)  # nobody is left out altogether
    assert all(splits[row] != "test" for row in out)
    assert all(split == wanted for split, (*_, wanted) in zip(splits, rows, strict=True) if wanted in ("val", "test"))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 10**6).map(str)), min_size=200, max_size=300))
def test_splits_are_stratified_and_do_not_depend_on_order(keys: list[tuple[str, str]]) -> None:
    splits = assign(keys, 7)
    assert assign(keys[::-1], 7) == splits[::-1]
    counts: dict[tuple[str, Split], int] = defaultdict(int)
    for (label, _), split in zip(keys, splits, strict=True):
        counts[label, split] += 1
    for label in "xyz":
        groups = {group for name, group in keys if name == label}
        if len(groups) >= 40 and not groups & {group for name, group in keys if name != label}:
            total = sum(counts[label, split] for split in SPLITS)
            assert 0.35 < counts[label, "train"] / total < 0.99
            assert counts[label, "val"] > 0
            assert counts[label, "test"] > 0
