"""The results in a model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.services.models.decisions import decisions, figure, new_source
from app.services.models.document import Section, Table

TITLES: Final = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "quadratic_kappa": "Quadratic weighted kappa",
    "macro_f1": "Mean F1",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "ece": "Calibration error",
    "classwise_ece": "Class-wise calibration error",
    "brier": "Brier score",
    "log_loss": "Log loss",
}
NAMES: Final = ("precision", "recall", "f1", "auroc", "average_precision", "ece")


def results(metrics: Mapping[str, Any]) -> list[Section]:
    """Sections with the figures of `app.training.evaluation`; those of an older version may lack some."""
    if "accuracy" not in metrics:
        return [Section("Results", ["not recorded"])]
    return [
        Section("Results on the test images", _results(metrics)),
        Section("Decisions on the test images", decisions(metrics)),
        Section("Results by class", [_per_class(metrics), _confusion(metrics)]),
        Section("Results by source", _sources(metrics)),
        Section("What to expect of a new source", new_source(metrics)),
        Section("Failures", _failures(metrics)),
    ]


def tables(metrics: Mapping[str, Any]) -> list[Table]:
    """The headline figures, those of each class, and the answers by class, of any images."""
    return [_headlines(metrics), _per_class(metrics), _confusion(metrics)]


def _results(metrics: Mapping[str, Any]) -> list[str | Table]:
    groups = f" of {metrics['groups']} patients or files" if "groups" in metrics else ""
    return [
        f"{metrics['n']} images{groups} that took no part in training, with 95 % intervals.",
        _use(metrics.get("test_set")),
        _headlines(metrics),
    ]


def _headlines(metrics: Mapping[str, Any]) -> Table:
    rows = [[title, figure(metrics, name)] for name, title in TITLES.items() if name in metrics]
    for part, title, name in (
        ("screening", "Sensitivity at the operating point", "sensitivity"),
        ("screening", "Specificity at the operating point", "specificity"),
        ("prediction_set", "Coverage of the prediction set", "coverage"),
    ):
        rows += [[title, figure(metrics[part], name)]] if part in metrics else []
    return Table(["Figure", "Value [95 % interval]"], rows)


def _use(test_set: Mapping[str, Any] | None) -> str:
    """How often the test images were used: who chooses by their figures fits them."""
    if test_set is None:
        return "How often these images had been used for tests before is not recorded."
    advice = "fresh ones are needed now" if test_set["fresh_needed"] else "fresh ones are needed from"
    until = "" if test_set["fresh_needed"] else f" {test_set['fresh_needed_from']} times on"
    return f"They were used for tests {test_set['used']} times, this one included; {advice}{until}."


def _per_class(metrics: Mapping[str, Any]) -> Table:
    rows = [
        [name, str(row["support"]), *(figure(row, column) for column in NAMES if column in row)]
        for name, row in metrics["per_class"].items()
    ]
    columns = [column for column in NAMES if column in next(iter(metrics["per_class"].values()))]
    return Table(["Class", "Images", *(TITLES.get(column, column.capitalize()) for column in columns)], rows)


def _confusion(metrics: Mapping[str, Any]) -> Table:
    classes = list(metrics["per_class"])
    rows = [
        [name, *(str(count) for count in row)] for name, row in zip(classes, metrics["confusion_matrix"], strict=True)
    ]
    return Table(["Truth \\ answer", *classes], rows)


def _sources(metrics: Mapping[str, Any]) -> list[str | Table]:
    if not metrics.get("sources"):
        return ["not recorded"]
    rows = [
        [name, str(row["n"]), *(figure(row, column) for column in ("accuracy", "balanced_accuracy", "auroc"))]
        for name, row in metrics["sources"].items()
    ]
    return [Table(["Source", "Images", "Accuracy", "Balanced accuracy", "AUROC"], rows)]


def _failures(metrics: Mapping[str, Any]) -> list[str | Table]:
    if "mistakes" not in metrics:
        return ["not recorded"]
    if not metrics["mistakes"]:
        return ["No test image was answered wrongly."]
    rows = [[row["sha256"], row["label"], row["predicted"], f"{row['confidence']:.3f}"] for row in metrics["mistakes"]]
    return [
        "The wrong answers of which the model was surest, by the SHA-256 of the image.",
        Table(["Image", "Truth", "Answer", "Confidence"], rows),
    ]
