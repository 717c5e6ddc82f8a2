"""The model card: what a person must know before trusting a version, written from the records alone.

Its fields are those that CLAIM 2024 (Tejani et al., Radiology: Artificial Intelligence) and TRIPOD+AI (Collins et al.,
BMJ 2024) ask for; what Fovea has no record of is said to be missing, never made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.classifiers.card import Card
from app.classifiers.spec import SPLITS, ClassifierSpec
from app.services.models.calibration import calibration
from app.services.models.document import Document, Section, Table
from app.services.models.figures import results

UNKNOWN: Final = "not recorded"
LABELS: Final = {
    "folders": "the folder that an image lies in",
    "prefix": "the first word of its file name",
    "csv": "a table beside the images",
}
CROPS: Final = {
    "retina": "cut to the circle of the retina and padded to a square",
    "center": "cut to the largest central square",
    "pad": "padded with black to a square",
    "stretch": "stretched to a square",
}


def model_card(
    card: Card, version: int, verdict: Mapping[str, Any] | None, moves: Sequence[Mapping[str, Any]]
) -> Document:
    """Write the card of a version from its bundle's card, the gate's verdict and the moves of the aliases."""
    return Document(
        title=f"Model card: {card.spec.title}, version {version}",
        lead=f"{card.spec.description} {card.notice or ''}".strip(),
        sections=[
            Section("Intended use", [_facts(_use(card))]),
            Section("Data", [_facts(_data(card)), _counts(card)]),
            Section("Model", [_facts(_model(card))]),
            Section("Training", [_facts(_training(card))]),
            Section("Calibration and thresholds", [_facts(calibration(card))]),
            *results(card.metrics),
            Section("Promotion", [_facts(_promotion(version, verdict)), _moves(version, moves)]),
            Section("Limits", _limits(card)),
            Section("Files", [_facts(_origin(card)), Table(["File", "SHA-256"], sorted(card.files.items()))]),
        ],
    )


def _use(card: Card) -> dict[str, str | None]:
    return {
        "Classifier": f"{card.classifier}: {', '.join(card.classes)}",
        "Purpose": card.spec.description,
        "Positive class": card.spec.positive or "none",
        **_grades(card),
        "Medical device": "no; for research and education, never for diagnosis" if card.spec.medical else "no",
        "Intended users": None,
        "Place in the clinical pathway": None,
    }


def _grades(card: Card) -> dict[str, str | None]:
    if not card.spec.ordinal:
        return {}
    return {"Grades": ", ".join(card.classes), "Refers from": card.spec.refer_from or "none"}


def _data(card: Card) -> dict[str, str | None]:
    spec = card.spec
    return {
        "Sources": card.data.source or None,
        "Fingerprint (SHA-256 over images, labels and splits)": card.data.sha256,
        "Labels come from": LABELS[spec.data.convention],
        "Labels left out": ", ".join(name for name, to in spec.data.label_map.items() if to is None) or "none",
        "Splits keep together": "the images of a patient, by file name" if spec.data.group_pattern else "each file",
        "Reference standard and who set it": None,
        "Dates and places of acquisition": None,
        "Inclusion and exclusion criteria": None,
        "Age, sex and ethnicity of the patients": None,
        "Consent, ethics approval and de-identification": None,
        "How the sample size was chosen": None,
    }


def _counts(card: Card) -> Table:
    rows = [[name, *(str(card.data.counts.get(split, {}).get(name, 0)) for split in SPLITS)] for name in card.classes]
    return Table(["Class", *SPLITS], rows)


def _model(card: Card) -> dict[str, str | None]:
    int8 = card.int8
    return {
        "Input": f"one colour photograph, {CROPS[card.preprocessing.crop]}, {card.preprocessing.size} pixels wide",
        "Output": "a probability for each class, a set of possible classes, quality, novelty and a decision",
        "Architecture": f"{card.backbone}, {card.parameters:,} parameters",
        **_origin_of_network(card),
        "Explanation": "class activation maps, where the network has a feature map",
        "Engine": card.engine,
        "Eight-bit version": None if int8 is None else f"{'serves' if int8.kept else 'not kept'}. {int8.reason}",
        "Time for an image (float32, eight bits)": None
        if int8 is None
        else f"{int8.float32_ms:.1f} ms, {int8.int8_ms:.1f} ms on the machine that trained it",
    }


def _origin_of_network(card: Card) -> dict[str, str | None]:
    if card.origin is None:
        return {}
    return {"Network": card.origin.title, "Network's source": card.origin.source, "Its licence": card.origin.licence}


def _training(card: Card) -> dict[str, str | None]:
    training = card.spec.training
    return {
        "Date": card.created_at.date().isoformat(),
        "Mode": {"head": "the last layer, on features learned before", "full": "all layers"}[card.mode],
        "Epochs": f"{len(card.history)} of at most {card.epochs} for each phase; the best by validation loss is kept",
        "Batch size and learning rate": f"{training.batch_size}, {training.learning_rate:g}",
        "Class balance": {"weights": "classes weighted to count the same", "none": "as found"}[training.balance],
        "Augmentation": _augmentation(card.spec),
        "Seed": str(card.seed),
        "Missing data": "images that cannot be read or have no label are left out before training",
    }


def _augmentation(spec: ClassifierSpec) -> str:
    flips = {"left and right": spec.training.flip_horizontal, "top and bottom": spec.training.flip_vertical}
    swapped = " and ".join(name for name, done in flips.items() if done)
    return f"random changes of geometry and light; flips of {swapped}" if swapped else "random changes; no flips"


def _promotion(version: int, verdict: Mapping[str, Any] | None) -> dict[str, str | None]:
    if verdict is None:
        return {"Verdict": None}
    figures = verdict.get("figures", {})
    times, sizes, answers = (figures.get(name) for name in ("milliseconds", "bytes", "mcnemar"))
    word = "promoted" if verdict["promoted"] else "waits for a person" if verdict["undecided"] else "not promoted"
    return {
        "Verdict": f"version {version} {word}" if verdict["promoted"] else f"version {version}: {word}",
        "Reasons": " ".join(verdict["reasons"]),
        "Compared with version": str(figures["champion_version"]) if "champion_version" in figures else "none",
        "Right answers gained and lost": answers and f"{answers['gained']}, {answers['lost']} (p {answers['p']:.3f})",
        "Time for an image, new and old": times and f"{times['challenger']:.1f} ms, {times['champion']:.1f} ms",
        "Size, new and old": sizes and f"{sizes['challenger'] / 1e6:.2f} MB, {sizes['champion'] / 1e6:.2f} MB",
    }


def _moves(version: int, moves: Sequence[Mapping[str, Any]]) -> Table:
    rows = [[move["at"], move["alias"], move["reason"]] for move in moves if move["version"] == version]
    return Table(["Time", "Became", "Reason"], rows)


def _limits(card: Card) -> list[str | Table]:
    limits: list[str | Table] = [*([card.notice] if card.notice else [])]
    limits.append(
        "The figures hold for images like those of the test split. No other place, camera or population was tested,"
        " unless a source of its own is named above; subgroups of patients are not recorded."
    )
    return [*limits, "Ungradable and unfamiliar images are marked as such, and not every one of them will be noticed."]


def _origin(card: Card) -> dict[str, str | None]:
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(card.libraries.items()))
    known = None if card.code_revision == "unknown" else card.code_revision
    return {"Code revision": known, "Libraries": libraries or None, "Registration and funding": None}


def _facts(facts: Mapping[str, str | None]) -> Table:
    """A table of what is known; None is not recorded."""
    return Table(["Field", "Record"], [[name, UNKNOWN if value is None else value] for name, value in facts.items()])
