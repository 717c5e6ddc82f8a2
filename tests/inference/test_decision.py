from __future__ import annotations

import pytest

from app.inference.decision import Decision, decide


@pytest.mark.parametrize(
    ("in_distribution", "gradable", "set_size", "positive", "operating_point", "expected"),
    [
        (False, False, 2, 0.9, 0.5, "out_of_distribution"),
        (False, True, 1, 0.9, 0.5, "out_of_distribution"),
        (True, False, 2, 0.9, 0.5, "ungradable"),
        (True, False, 1, None, None, "ungradable"),
        (True, True, 2, 0.9, 0.5, "uncertain"),
        (True, True, 3, None, None, "uncertain"),
        (True, True, 1, 0.9, 0.5, "refer"),
        (True, True, 1, 0.5, 0.5, "refer"),
        (True, True, 1, 0.4, 0.5, "no_refer"),
        (True, True, 1, 0.9, None, "accept"),
        (True, True, 1, None, None, "accept"),
    ],
)
def test_truth_table(
    in_distribution: bool,
    gradable: bool,
    set_size: int,
    positive: float | None,
    operating_point: float | None,
    expected: Decision,
) -> None:
    decision = decide(
        in_distribution=in_distribution,
        gradable=gradable,
        set_size=set_size,
        positive_probability=positive,
        operating_point=operating_point,
    )
    assert decision == expected
