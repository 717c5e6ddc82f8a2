from collections import Counter, defaultdict
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.classifiers.spec import SPLITS, Split
from app.training.data.splits import assign

# Each group belongs to one class, as where the label is the patient's.
KEYS = st.dictionaries(st.integers(0, 500), st.sampled_from("abc"), min_size=1, max_size=60).flatmap(
    lambda groups: st.lists(
        st.sampled_from(sorted(groups)).map(lambda group: (groups[group], f"p{group}")), min_size=1, max_size=120
    )
)
SEEDS = st.integers(0, 1000)


@given(KEYS, SEEDS)
def test_groups_stay_whole_and_every_class_is_in_every_split(keys: list[tuple[str, str]], seed: int) -> None:
    splits = assign(keys, seed)
    by_group, by_class, groups = defaultdict(set), defaultdict(set), defaultdict(set)
    for (label, group), split in zip(keys, splits, strict=True):
        by_group[group].add(split)
        by_class[label].add(split)
        groups[label].add(group)
    assert all(len(found) == 1 for found in by_group.values())
    assert all(by_class[label] == set(SPLITS) for label in groups if len(groups[label]) >= 3)


@given(KEYS, SEEDS, st.randoms())
def test_the_order_of_the_images_does_not_matter(keys: list[tuple[str, str]], seed: int, random: Random) -> None:
    shuffled = keys.copy()
    random.shuffle(shuffled)
    assert dict(zip(keys, assign(keys, seed), strict=True)) == dict(zip(shuffled, assign(shuffled, seed), strict=True))


@given(SEEDS)
def test_images_that_join_later_move_no_other(seed: int) -> None:
    keys = [("ab"[i % 2], f"p{i}") for i in range(160)]
    splits = assign(keys, seed)
    later = assign([*keys, *[("a", f"q{i}") for i in range(40)]], seed)
    assert later[: len(keys)] == splits


def test_the_shares_hold_and_the_seed_decides() -> None:
    keys = [("a", f"p{i}") for i in range(4000)]
    counts = Counter(assign(keys, 1))
    assert abs(counts["train"] / 4000 - 0.70) < 0.03
    assert abs(counts["val"] / 4000 - 0.15) < 0.03
    assert assign(keys, 1) == assign(keys, 1) != assign(keys, 2)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(KEYS, SEEDS)
def test_given_splits_are_kept(keys: list[tuple[str, str]], seed: int) -> None:
    splits = assign(keys, seed)
    assume(set(splits) == set(SPLITS))  # else the missing one comes out of training, as the next test shows
    known: list[Split | None] = [*splits, None]
    assert assign([*keys, keys[0]], seed, given=known) == [*splits, splits[0]]


def test_a_split_that_is_never_given_comes_out_of_training() -> None:
    keys = [("ab"[i % 2], f"p{i}") for i in range(100)]
    given_splits: list[Split | None] = ["test" if i < 20 else "train" for i in range(100)]
    splits = assign(keys, 7, given=given_splits)
    assert set(splits[:20]) == {"test"}
    assert set(splits[20:]) == {"train", "val"}
    assert 5 <= splits.count("val") <= 25


def test_shared_groups_still_spread_where_they_can() -> None:
    keys = [(label, f"p{i}") for i in range(3) for label in "ab"]
    assert set(assign(keys, 7)) == set(SPLITS)
