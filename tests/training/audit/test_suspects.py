from __future__ import annotations

import numpy as np

from app.training.audit import fingerprints
from app.training.audit.mislabelled import judge
from app.training.audit.shortcuts import measure

RANDOM = np.random.default_rng(5)
LABELS = ["a"] * 60 + ["b"] * 60 + ["c"] * 60
GROUPS = [str(row // 2) for row in range(180)]


def seen() -> fingerprints.Fingerprints:
    found = np.zeros(180, fingerprints.FINGERPRINT)
    found["facts"] = RANDOM.normal(size=(180, len(fingerprints.FACTS)))
    return found


def test_facts_that_tell_nothing_are_no_shortcut() -> None:
    measured = measure(seen(), LABELS, GROUPS)
    assert {(each.label, each.facts) for each in measured} == {
        (label, facts) for label in "abc" for facts in ("file", "frame", "light", "all")
    }
    assert not any(each.strong for each in measured)
    assert all(0.3 < each.auroc < 0.7 and each.low < each.auroc < each.high for each in measured)


def test_a_class_with_a_frame_of_its_own_is_told_and_the_others_are_not() -> None:
    found = seen()
    found["facts"][:60, fingerprints.FACTS.index("corner")] += 8
    assert {(each.label, each.facts) for each in measure(found, LABELS, GROUPS) if each.strong} == {
        ("a", "frame"), ("a", "all"),
    }  # fmt: skip


def test_a_few_patients_with_many_photographs_each_are_no_proof() -> None:
    """Six cameras of each class that differ by chance: many images, but few of them tell anything new."""
    rng = np.random.default_rng(8)
    labels, patients = ["a"] * 180 + ["b"] * 180, np.arange(360) // 30
    found = np.zeros(360, fingerprints.FINGERPRINT)
    found["facts"] = rng.normal(size=(360, len(fingerprints.FACTS)))
    cameras = rng.normal(size=12) + np.repeat([4, 0], 6)
    found["facts"][:, fingerprints.FACTS.index("corner")] += cameras[patients]
    (frame,) = (each for each in measure(found, labels, [str(each) for each in patients]) if each.facts == "frame")
    assert frame.auroc > 0.95  # with 360 patients the interval would be far above the limit
    assert not frame.strong
    assert measure(found, labels, [str(row) for row in range(360)])[1].strong


def test_too_few_patients_of_a_class_give_no_figures() -> None:
    assert measure(seen(), LABELS, ["one"] * 60 + GROUPS[60:]) == []
    assert judge(np.zeros((180, 4)), LABELS, ["one"] * 60 + GROUPS[60:]) is None
    assert judge(np.zeros((60, 4)), ["a"] * 60, GROUPS[:60]) is None


def test_turned_labels_are_doubted_first() -> None:
    centres = {"a": (3, 0), "b": (0, 3), "c": (-3, -3)}
    points = np.array([centres[label] for label in LABELS]) + np.random.default_rng(1).normal(scale=0.5, size=(180, 2))
    wrong = [3, 70, 150]
    labels = [
        "c" if row == 3 else "a" if row == 70 else "b" if row == 150 else label for row, label in enumerate(LABELS)
    ]
    found = judge(points, labels, GROUPS)
    assert found is not None
    assert found.balanced_accuracy > 0.9
    assert {doubt.row for doubt in found.doubts[:3]} == set(wrong)
    assert {doubt.row: doubt.other for doubt in found.doubts[:3]} == {3: "a", 70: "b", 150: "c"}
