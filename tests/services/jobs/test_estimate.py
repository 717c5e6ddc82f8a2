"""The arithmetic of progress, whatever the stages, their expected seconds and their true pace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.jobs.estimate import FIRST, MOST, Estimate, Timing, learned, rest

NAMES = ("reading", "training", "exporting", "evaluating")
SECONDS = st.floats(0, 1000)
REPORTS = st.lists(st.tuples(st.sampled_from((*NAMES, "unplanned")), st.floats(-1, 2), st.floats(0, 100)), max_size=40)


@given(expected=st.dictionaries(st.sampled_from(NAMES), SECONDS), reports=REPORTS, begun=st.floats(0, MOST))
def test_progress_never_falls_and_stays_within_its_bounds(
    expected: dict[str, float], reports: list[tuple[str, float, float]], begun: float
) -> None:
    estimate, before, clock = Estimate(expected, begun), begun, 0.0
    for stage, share, passed in reports:
        clock += passed
        percent, left, sure = estimate.report(stage, share, clock)
        assert before <= percent <= MOST
        assert left is None if percent < FIRST else left is not None and 0 <= left < float("inf")
        assert sure >= 0
        before = percent


@given(took=st.lists(st.floats(1, 1000), min_size=4, max_size=4), expected=st.lists(SECONDS, min_size=4, max_size=4))
def test_it_ends_at_its_end(took: list[float], expected: list[float]) -> None:
    estimate, clock = Estimate(dict(zip(NAMES, expected, strict=True))), 0.0
    for stage, seconds in zip(NAMES, took, strict=True):
        estimate.report(stage, 0.0, clock)
        clock += seconds
        outlook = estimate.report(stage, 1.0, clock)
    assert outlook.left == pytest.approx(0, abs=1e-6)
    assert outlook.percent == pytest.approx(MOST)
    assert sum(seconds for _, seconds in estimate.measured.values()) == pytest.approx(clock)


@given(took=st.lists(st.floats(5, 1000), min_size=4, max_size=4), steps=st.integers(10, 50))
def test_what_was_learned_from_the_same_run_is_right_and_its_progress_is_even(took: list[float], steps: int) -> None:
    planned = dict(zip(NAMES, took, strict=True))
    whole, clock = sum(took), 0.0
    estimate = Estimate(planned)
    for stage, seconds in planned.items():
        for step in range(steps + 1):
            outlook = estimate.report(stage, step / steps, clock + seconds * step / steps)
            elapsed = clock + seconds * step / steps
            assert outlook.percent == pytest.approx(MOST * elapsed / whole, abs=0.01)
            assert outlook.left is None or outlook.left == pytest.approx(whole - elapsed, abs=0.01)
        clock += seconds


@given(wrong=st.floats(0.1, 10), seconds=st.floats(60, 10_000))
def test_a_wrong_expectation_of_the_main_stage_is_soon_corrected(wrong: float, seconds: float) -> None:
    estimate = Estimate({"reading": 10, "training": wrong * seconds})
    estimate.report("reading", 0.0, 0.0)
    estimate.report("training", 0.0, 10.0)
    for step in range(1, 100):
        left = estimate.report("training", step / 100, 10 + seconds * step / 100).left
        if step > 10 and left is not None:
            assert 0.5 < left / (seconds * (1 - step / 100)) < 2


def test_work_that_was_done_before_counts_for_nothing() -> None:
    estimate = Estimate({"starting": 0, "reading": 100, "training": 80})
    estimate.report("reading", 0.9, 0.0)
    assert estimate.report("training", 0.0, 10.0).left == pytest.approx(80)
    assert estimate.measured["reading"] == pytest.approx((0.1, 10.0))


def test_defaults_alone_say_nothing_of_the_time_left_before_half_of_it_is_measured() -> None:
    estimate = Estimate({"starting": 1, "reading": 10, "training": 10}, known=False)
    percent, left, _ = estimate.report("reading", 0.0, 5.0)
    assert percent > FIRST
    assert left is None
    assert estimate.report("reading", 0.01, 8.0).left is None
    assert estimate.report("reading", 0.5, 25.0).left == pytest.approx(40, rel=0.3)


def test_skipped_stages_are_waited_for_no_longer() -> None:
    estimate = Estimate({"starting": 10, "reading": 1000, "training": 90})
    assert estimate.report("training", 0.0, 10.0).left is None  # too early to say
    assert estimate.report("training", 0.5, 55.0).left == pytest.approx(45)


def test_a_stage_is_expected_to_take_what_it_took_in_earlier_runs() -> None:
    runs = [{"a": Timing(10, took), "done before": Timing(0, 5)} for took in (20, 30, 1000)]
    assert learned({"a": 2, "b": 7, "done before": 3}, runs) == {"a": 6, "b": 7, "done before": 3}
    assert rest(10, 0.25) == 30
