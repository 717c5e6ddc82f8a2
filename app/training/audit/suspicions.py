"""Turns what was measured on the images into findings: copies, shortcuts, doubtful labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.training.audit.copies import Pair
from app.training.audit.findings import Finding, Picture, of_class
from app.training.audit.mislabelled import Judgement
from app.training.audit.shortcuts import Shortcut

RELIABLE = 0.8  # balanced accuracy below which the judge of labels is no judge
SURE = 0.8  # similarity from which a pair accuses a label; below it, marks of a lens can make hazy images similar
Couple = tuple[Pair, Picture, Picture]


def duplicates(pairs: Sequence[Pair], pictures: Sequence[Picture]) -> list[Finding]:
    """Augmented copies, and images that show the same, within and across classes and splits."""
    couples = [(pair, pictures[pair.first], pictures[pair.second]) for pair in pairs]
    couples.sort(key=lambda couple: -couple[0].similarity)
    copies = [couple for couple in couples if _is_copy(*couple)]
    similar = [couple for couple in couples if not _is_copy(*couple)]
    classes = [couple for couple in couples if couple[1].label != couple[2].label and couple[0].similarity >= SURE]
    splits = [couple for couple in couples if couple[1].split != couple[2].split]
    return [
        *_finding(
            "augmented_copies", "critical", copies, lambda n: f"{n} pairs of files are copies of one another: mirrored,"
            " turned or resized. Remove the copies; training varies images by itself. Until then copies share a split.",
        ),
        *_finding(
            "near_duplicates", "notice", similar, lambda n: f"{n} pairs of images show the same: the same photograph, a"
            " second one of the same eye, or marks of the same lens. They are kept in one split; look whether each adds"
            " something.",
        ),
        *_finding(
            "duplicates_across_classes", "critical", classes, lambda n: f"{n} pairs of images that show the same have"
            " different labels; settle which is right.",
        ),
        *_finding(
            "duplicates_across_splits", "warning", splits, lambda n: f"{n} pairs of images that show the same are in"
            " different splits; the training copy is left out of training. Remove it.",
        ),
    ]  # fmt: skip


def shortcuts(measured: Sequence[Shortcut], pictures: Sequence[Picture]) -> list[Finding]:
    """Classes that facts about the files alone predict."""
    found = []
    for each in measured:
        images = of_class(pictures, each.label)
        figure = f"area under the ROC curve {each.auroc:.2f}, 95 % interval {each.low:.2f} to {each.high:.2f}"
        if each.strong and each.facts == "frame":
            message = (
                f"The class {each.label} can be told by the frame of its photographs alone ({figure}): margins, corners"
                " and the shape of the border, which come from the camera and not from the eye. It seems to come from"
                " one camera, and a model would learn that camera. Add photographs of this class from other cameras,"
                " and of the other classes from this one."
            )
            found.append(Finding("one_camera_class", "critical", 1, message, images=images))
        if each.strong and each.facts in ("file", "light"):
            what = "the size and compression of its files" if each.facts == "file" else "mean colour and contrast"
            message = (
                f"The class {each.label} can be told by {what} alone ({figure}). That may be the disease or how the"
                " photographs were prepared; test the model on photographs from elsewhere before you trust it."
            )
            found.append(Finding(f"told_by_{each.facts}", "notice", 1, message, images=images))
    return found


def mislabelled(judgement: Judgement | None, pictures: Sequence[Picture], eyes: str) -> list[Finding]:
    """Likely label errors, where the judge is accurate enough; `eyes` says what it judges by."""
    if judgement is None or judgement.balanced_accuracy < RELIABLE or not judgement.doubts:
        return []
    pairs = [
        {"file": pictures[each.row].filename, "label": pictures[each.row].label, "looks_like": each.other,
         "probability": each.probability}
        for each in judgement.doubts
    ]  # fmt: skip
    message = (
        f"{len(pairs)} images look like another class than their label says. The judge sees {eyes} and is right in"
        f" {judgement.balanced_accuracy:.0%} of cases itself, so most of these may be hard images with right labels:"
        " look at the first ones (confident learning, Northcutt et al. 2021)."
    )
    images = [pictures[each.row].sha256 for each in judgement.doubts]
    return [Finding("label_errors", "notice", len(pairs), message, pairs=pairs, images=images)]


def _is_copy(pair: Pair, first: Picture, second: Picture) -> bool:
    return pair.is_copy(resized=(first.width, first.height) != (second.width, second.height))


def _finding(kind: str, severity: Any, couples: Sequence[Couple], say: Callable[[int], str]) -> list[Finding]:  # noqa: ANN401 - a Severity
    if not couples:
        return []
    pairs = [
        {"first": one.filename, "second": two.filename, "labels": [one.label, two.label],
         "splits": [one.split, two.split], "similarity": pair.similarity, "turn": pair.turn, "mirrored": pair.mirrored}
        for pair, one, two in couples
    ]  # fmt: skip
    images = [each.sha256 for _, *both in couples for each in both]
    return [Finding(kind, severity, len(pairs), say(len(pairs)), pairs=pairs, images=images)]
