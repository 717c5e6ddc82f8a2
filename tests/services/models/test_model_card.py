from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
from flask import Flask, render_template

from app.classifiers import Card, Catalog
from app.classifiers.card import MEDICAL_NOTICE, DataFingerprint, Int8, OperatingPoint, Reference, Thresholds
from app.classifiers.spec import OperatingPointSpec, Preprocessing
from app.config import CHECKOUT
from app.services.models.card import model_card
from app.services.models.document import Document, Section, Table
from app.training.data.samples import Sample
from app.training.evaluation.metrics import figures

PAGES = Flask("cards", template_folder=str(CHECKOUT / "templates"))
SPEC = Catalog()["glaucoma"]
VERDICT = {
    "promoted": True,
    "undecided": False,
    "reasons": ["It is no worse."],
    "figures": {
        "champion_version": 2,
        "mcnemar": {"gained": 4, "lost": 1, "p": 0.375},
        "milliseconds": {"challenger": 2.1, "champion": 3.2},
        "bytes": {"challenger": 1_500_000, "champion": 2_500_000},
    },
}
MOVES = [
    {"at": "2025-02-03", "alias": "champion", "version": 3, "reason": "It is no worse."},
    {"at": "2025-02-01", "alias": "champion", "version": 2, "reason": "Earlier."},
]


def markdown(document: Document) -> str:
    with PAGES.app_context():
        return render_template("model_card.md", document=document)


def page(document: Document, stylesheet: str | None = None) -> str:
    with PAGES.app_context():
        return render_template("model_card.html", document=document, stylesheet=stylesheet)


def _card(**changes: object) -> Card:
    fields: dict[str, object] = {
        "classifier": SPEC.name, "created_at": datetime(2025, 2, 3, tzinfo=UTC), "demo": False, "spec": SPEC,
        "classes": SPEC.class_names, "preprocessing": Preprocessing(crop="retina", size=224),
        "backbone": "mobilenetv2", "mode": "head", "epochs": 20, "seed": 7, "parameters": 412_000,
        "temperature": 1.25, "thresholds": Thresholds(prediction_set=0.3, operating_point=0.42, novelty=1.9),
        "metrics": _metrics(), "history": [{"loss": 0.1}] * 12,
        "data": DataFingerprint(
            sha256="d" * 64, counts={"train": {"glaucoma": 301, "normal": 211}}, source="ACRIMA, clinic <north>"
        ),
        "reference": Reference(quality={}, histograms={}), "code_revision": "unknown",
        "libraries": {"numpy": "2.4.0"}, "files": {"model.onnx": "f" * 64},
    }  # fmt: skip
    return Card.model_validate(fields | changes)


def _metrics() -> dict[str, Any]:
    samples = [
        Sample(f"{i}.jpg", f"{i:064x}", SPEC.class_names[i % 2], "test", str(i), "clinic <north>")  # type: ignore[arg-type]  # the test chooses the types
        for i in range(40)
    ]
    sick = np.where(np.arange(40) % 2 == 0, 0.9, 0.1)
    sick[[3, 5, 8]] = 0.7, 0.95, 0.2
    probabilities = np.stack([sick, 1 - sick], axis=1)
    return figures(
        probabilities,
        samples,
        SPEC.class_names,
        SPEC.screening,
        Thresholds(prediction_set=0.3, operating_point=0.42, novelty=1),
    )


def _facts(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE))


def test_a_card_says_what_the_records_say_and_what_they_lack() -> None:
    metrics = _metrics()
    text = markdown(model_card(_card(metrics=metrics), 3, VERDICT, MOVES))
    facts = _facts(text)
    assert text.startswith("# Model card: Glaucoma, version 3\n")
    assert MEDICAL_NOTICE in text
    assert facts["Medical device"].startswith("no")
    low, high = metrics["intervals"]["auroc"]
    assert facts["AUROC"] == f"{metrics['auroc']:.3f} [{low:.3f}, {high:.3f}]"
    assert facts["Sensitivity at the operating point"].startswith("0.950 [")
    assert "| glaucoma | 301 | 0 | 0 |" in text
    assert f"| {5:064x} | normal | glaucoma | 0.950 |" in text
    assert facts["Compared with version"] == "2"
    assert facts["Right answers gained and lost"] == "4, 1 (p 0.375)"
    assert "| 2025-02-03 | champion | It is no worse. |" in text
    assert "Earlier." not in text
    assert facts["model.onnx"] == "f" * 64
    for missing in ("Intended users", "Reference standard and who set it", "Code revision", "Eight-bit version"):
        assert facts[missing] == "not recorded"


def test_what_was_asked_of_the_operating_point_and_of_eight_bits_is_told() -> None:
    point = OperatingPoint(
        asked=OperatingPointSpec(sensitivity=0.95), threshold=0.42, assured=False,
        validation={"sensitivity": 1.0, "sensitivity_interval": [0.6, 1.0], "specificity": 0.5},
    )  # fmt: skip
    int8 = Int8(
        kept=True, reason="It agrees.", agreement=1.0, accuracy_change=0.0, float_layers=3, float32_ms=2, int8_ms=1.3
    )
    facts = _facts(markdown(model_card(_card(operating_point=point, int8=int8), 3, None, [])))
    assert facts["Chosen for"].startswith("a sensitivity of 95%, which so few")
    assert facts["Sensitivity on validation"] == "1.000 [0.600, 1.000]"
    assert facts["Eight-bit version"] == "serves. It agrees."
    assert facts["Verdict"] == "not recorded"


def test_a_version_without_figures_still_has_a_card() -> None:
    text = markdown(model_card(_card(metrics={}), 1, None, []))
    assert "## Results\n\nnot recorded" in text


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_has_no_inline_style_and_takes_no_markup_from_the_records() -> None:
    text = page(model_card(_card(), 3, VERDICT, MOVES), "/static/model-card.css")
    tags = _Tags(text)
    assert tags.open == []
    assert {tag for tag, _ in tags.found} & {"script", "style", "north"} == set()
    assert not any("style" in attributes for _, attributes in tags.found)
    assert ("link", {"rel": "stylesheet", "href": "/static/model-card.css"}) in tags.found
    assert "clinic &lt;north&gt;" in text


def test_both_forms_hold_the_same() -> None:
    document = Document(
        "One | two", "First <b>.", [Section("Part", ["Line\nbroken", Table(["A"], [["x|y"], ["<z>"]])])]
    )
    assert markdown(document) == (
        "# One \\| two\n\nFirst &lt;b&gt;.\n\n## Part\n\nLine broken\n\n| A |\n| --- |\n| x\\|y |\n| &lt;z&gt; |\n"
    )
    assert "<h1>One | two</h1>\n<p>First &lt;b&gt;.</p>\n<h2>Part</h2>\n<p>Line\nbroken</p>" in page(document)
