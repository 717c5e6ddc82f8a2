"""The rule from what is known of an image to one word, in full."""

from __future__ import annotations

from itertools import product

import pytest

from app.inference.decision import Decision, decide

SICK, SICKER, WELL, OTHER = "sick", "sicker", "well", "other"


def _decide(possible: list[str], above: bool | None, *, known: bool = True, gradable: bool = True) -> Decision:
    referred = () if above is None else (SICK, SICKER)
    return decide(in_distribution=known, gradable=gradable, possible=possible, referred=referred, above=above)


@pytest.mark.parametrize(
    ("possible", "above", "expected"),
    [
        # a screening: the prediction set, whether the operating point is reached
        ([SICK], True, "refer"),
        ([SICK], False, "uncertain"),  # they disagree
        ([WELL], True, "uncertain"),  # they disagree
        ([WELL], False, "no_refer"),
        ([SICK, WELL], True, "uncertain"),
        ([SICK, WELL], False, "uncertain"),
        ([], True, "uncertain"),  # it is like no class
        ([], False, "uncertain"),
        ([OTHER], False, "no_refer"),
        ([WELL, OTHER], False, "no_refer"),  # all on one side
        ([WELL, OTHER], True, "uncertain"),
        ([SICK, SICKER], True, "refer"),
        ([SICK, SICKER], False, "uncertain"),
        ([WELL, SICKER], True, "uncertain"),
        ([SICK, WELL, OTHER], True, "uncertain"),
        # no screening: the prediction set alone
        ([SICK], None, "accept"),
        ([WELL], None, "accept"),
        ([SICK, WELL], None, "uncertain"),
        ([], None, "uncertain"),
    ],
)
def test_truth_table(possible: list[str], above: bool | None, expected: Decision) -> None:
    assert _decide(possible, above) == expected
    assert _decide(possible, above, gradable=False) == "ungradable"
    assert _decide(possible, above, known=False) == "out_of_distribution"
    assert _decide(possible, above, known=False, gradable=False) == "out_of_distribution"


def test_a_possible_disease_is_never_told_not_to_be_referred() -> None:
    sets = [[name for name, in_it in zip((SICK, WELL, OTHER), chosen, strict=True) if in_it]
            for chosen in product([True, False], repeat=3)]  # fmt: skip
    for possible, above, known, gradable in product(sets, [True, False], [True, False], [True, False]):
        decision = _decide(possible, above, known=known, gradable=gradable)
        if SICK in possible or above or not known or not gradable:
            assert decision != "no_refer"
        if SICK not in possible or not above:
            assert decision != "refer"
