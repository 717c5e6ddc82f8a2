"""The decisions in a model card: what becomes of the sick and the others, and what a new source may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.services.models.document import Table

SCREENING: Final = {
    "sensitivity": "Sick: referred (sensitivity)",
    "missed": "Sick: told not to be referred",
    "specificity": "Others: not referred (specificity)",
    "false_alarms": "Others: referred",
}
SHARES: Final = {
    "answered": "Clear answers, of all",
    "accuracy_answered": "Right, of the clear answers",
    "accuracy_all": "Right, if every image got an answer",
}
TOLD: Final = (
    "What a user is told. Images that are uncertain, ungradable or of another kind are left to a person: they count as"
    " neither referred nor not."
)
LEFT_OUT: Final = (
    "Each source was left out of the training in turn. A cell holds the figure with other images of the source in the"
    " training, then without any, and the fall with its 95 % interval."
)
COMPARED: Final = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "auroc": "AUROC"}


def figure(record: Mapping[str, Any], name: str) -> str:
    """A figure with its interval, wherever the record keeps that."""
    value = record.get(name)
    interval = record.get(f"{name}_interval") or record.get("intervals", {}).get(name)
    if value is None:
        return "undefined"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def decisions(metrics: Mapping[str, Any]) -> list[str | Table]:
    """The figures of whole decisions, of each source, too, where there are several."""
    found = metrics.get("decisions")
    if not found:
        return ["not recorded"]
    parts = {"all": found, **found.get("sources", {})}
    rows = [[title, *(figure(part, name) for part in parts.values())] for name, title in SHARES.items()]
    if "screening" in found:
        rows += [
            [title, *(figure(part["screening"], name) for part in parts.values())] for name, title in SCREENING.items()
        ]
    rows.append(["Images", *(str(part["n"]) for part in parts.values())])
    return [
        TOLD,
        Table(["Share [95 % interval]", *parts], rows),
        _told(found["counts"]),
    ]


def new_source(metrics: Mapping[str, Any]) -> list[str | Table]:
    """By how much each figure falls where the images of a source are left out of the training."""
    found = metrics.get("new_source")
    if not found:
        return ["Not measured: it takes a head on frozen features, and two sources or more that each hold every class."]
    rows = [
        [source, str(part["n"]), *(_fall(part[name]) for name in COMPARED)] for source, part in found["sources"].items()
    ]
    means = [
        "undefined" if found["mean_fall"][name] is None else f"{found['mean_fall'][name]:+.3f}" for name in COMPARED
    ]
    return [
        LEFT_OUT,
        Table(["Source", "Images", *COMPARED.values()], [*rows, ["mean fall", "", *means]]),
    ]


def _fall(part: Mapping[str, Any]) -> str:
    if part["known"] is None or part["new"] is None:
        return "undefined"
    return f"{part['known']:.3f}, {part['new']:.3f}: {figure(part, 'fall')}"


def _told(counts: Mapping[str, Mapping[str, int]]) -> Table:
    words = sorted({word for told in counts.values() for word in told})
    rows = [[name, *(str(told.get(word, 0)) for word in words)] for name, told in counts.items()]
    return Table(["Truth \\ decision", *words], rows)
