from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.classifiers.spec import OperatingPointSpec
from app.training.evaluation.operating_point import choose, for_sensitivity


def _choose(scores: list[float], sick: list[bool], **asked: object) -> float:
    wish = OperatingPointSpec.model_validate(asked)
    return choose(np.array(scores), np.array(sick), [str(i) for i in range(len(sick))], wish).threshold


def test_it_divides_what_can_be_divided_with_room_on_both_sides() -> None:
    for asked in ({}, {"best": "balanced"}, {"best": "f1"}):
        assert _choose([0.1, 0.3, 0.7, 0.9], [False, False, True, True], **asked) == pytest.approx(0.5)


def test_balanced_and_f1_differ_where_the_sick_are_few() -> None:
    scores = [0.1] * 80 + [0.5] * 20 + [0.5] * 2 + [0.9] * 2
    sick = [False] * 100 + [True] * 4
    assert _choose(scores, sick, best="balanced") < 0.5  # finds all four, at the cost of 20 false alarms
    assert _choose(scores, sick, best="f1") > 0.5


def test_what_was_asked_is_recorded_with_what_validation_shows() -> None:
    sick = np.arange(40) < 20
    scores = np.where(sick, np.linspace(0.3, 0.95, 40), np.linspace(0.0, 0.6, 40))
    point = choose(scores, sick, [str(i) for i in range(40)], OperatingPointSpec(sensitivity=0.9))
    assert (point.asked.sensitivity, point.assured) == (0.9, True)
    assert point.validation["sensitivity"] >= 0.9
    low, high = point.validation["sensitivity_interval"]
    assert low < point.validation["sensitivity"] <= high
    assert point.validation["sensitivity_n"] == 20


def test_too_few_sick_eyes_promise_nothing_and_all_of_them_are_referred() -> None:
    threshold, assured = for_sensitivity(np.array([0.4, 0.6, 0.8]), 0.9)
    assert (threshold, assured) == (0.2, False)
    assert for_sensitivity(np.linspace(0.1, 0.9, 9), 0.9)[1]  # nine are the fewest for 90 %


@pytest.mark.parametrize("n", [9, 25, 80])
@pytest.mark.parametrize("sensitivity", [0.8, 0.9])
def test_the_sensitivity_for_new_eyes_is_on_average_as_asked(n: int, sensitivity: float) -> None:
    rng = np.random.default_rng(n)
    found = []
    for _ in range(2000):
        threshold, assured = for_sensitivity(rng.beta(4, 2, n), sensitivity)
        assert assured
        found.append((rng.beta(4, 2, 50) >= threshold).mean())
    assert sensitivity - 0.01 <= np.mean(found) <= sensitivity + 1 / (n + 1) + 0.01


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=40).filter(
        lambda pairs: len({sick for _, sick in pairs}) == 2
    ),
    st.sampled_from([{}, {"best": "f1"}, {"sensitivity": 0.9}]),
)
def test_it_is_a_probability_from_which_some_sick_eye_is_referred(
    pairs: list[tuple[float, bool]], asked: dict[str, object]
) -> None:
    scores, sick = [score for score, _ in pairs], [each for _, each in pairs]
    threshold = _choose(scores, sick, **asked)
    assert 0 <= threshold <= 1
    assert any(score >= threshold for score, each in pairs if each)


def test_both_wishes_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        OperatingPointSpec(sensitivity=0.9, best="f1")
