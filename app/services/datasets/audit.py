"""Audits: a dataset looked through for what would fool a model, as a job; the last report is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.inference.arrays import Floats
from app.services.datasets.duplicates import Duplicates, dataset, filled_dataset
from app.services.datasets.embedding import Embedding
from app.services.datasets.removed import used_before
from app.services.datasets.revision import revision_number
from app.services.datasets.versions import divide
from app.services.jobs.costs import default
from app.services.jobs.jobs import Jobs
from app.services.jobs.reporting import Reporter
from app.store.db import db, new_id
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import AuditReport, Image, Job, RejectedFile
from app.store.transaction import transaction
from app.training.audit import findings
from app.training.audit.copies import Pair
from app.training.audit.findings import Finding, Picture
from app.training.audit.fingerprints import Fingerprints
from app.training.data.splits import unite
from app.training.progress import Progress

KIND: Final = "audit"


class Audit:
    """The audit's use cases."""

    def __init__(self, catalog: Catalog, files: Files, registry: Registry, jobs: Jobs, duplicates: Duplicates) -> None:
        self._catalog = catalog
        self._files = files
        self._jobs = jobs
        self._duplicates = duplicates
        self._embedding = Embedding(files, registry)

    def submit(self, classifier: str) -> Job:
        """Queue an audit; InvalidInput when there is nothing to look at."""
        self._catalog[classifier]
        filled_dataset(classifier)
        return self._jobs.submit(Job(id=new_id(), kind=KIND, classifier=classifier))

    def run(self, job: Job) -> dict[str, Any]:
        """Do an audit job."""
        report = Reporter(self._jobs, job, default(job, len(dataset(job.classifier))))
        found = self.compute(job.classifier, report)
        report.finish()
        return {"findings": len(found["findings"]), "clean": found["clean"], "audit_url": _url(job.classifier)}

    def latest(self, classifier: str) -> dict[str, Any]:
        """Return the last audit and whether it is `stale`; before the first, what needs no look at the images."""
        spec = self._catalog[classifier]
        stored = db.session.get(AuditReport, classifier)
        rows = dataset(classifier)
        if stored is not None:
            return stored.body | {"stale": stored.body["state"] != _state(classifier, rows)}
        return _body(spec, rows, _plain(spec, [_picture(row) for row in rows])) | {
            "complete": False,
            "hint": f"Copies, shortcuts and labels have not been looked for; POST {_url(classifier)} does it.",
        }

    def compute(self, classifier: str, progress: Progress) -> dict[str, Any]:
        """Audit the dataset as it is now and keep the report; the same dataset again is answered from it."""
        spec, rows = self._catalog[classifier], filled_dataset(classifier)
        hashes = [row.sha256 for row in rows]
        pairs = self._duplicates.pairs(classifier, hashes, progress)
        version = divide(spec, rows, pairs, self._files, used_before(classifier)).version
        stored = db.session.get(AuditReport, classifier)
        if (
            stored is not None
            and stored.dataset_version == version
            and stored.body["state"] == _state(classifier, rows)
        ):
            return stored.body
        seen = _Seen(spec, rows, pairs, self._duplicates.looks(hashes, progress))
        measured, found = self._judge(seen, progress)
        body = _body(spec, rows, [*_plain(spec, seen.pictures), *found]) | measured | {
            "complete": True, "dataset_version": version,
        }  # fmt: skip
        with transaction():
            db.session.merge(AuditReport(classifier=classifier, dataset_version=version, body=body))
        return body

    def _judge(self, seen: _Seen, progress: Progress) -> tuple[dict[str, Any], list[Finding]]:
        """Measure shortcuts and doubt labels: the figures, and the findings with those about copies."""
        from app.training.audit import mislabelled, shortcuts, suspicions  # noqa: PLC0415 - they load scikit-learn

        labels, pictures = [row.label for row in seen.rows], seen.pictures
        groups = unite([row.group for row in seen.rows], [(pair.first, pair.second) for pair in seen.pairs])
        embeddings, eyes = self._eyes(seen, progress)
        progress("judging", 0, 2)
        measured = shortcuts.measure(seen.looks, labels, groups)
        progress("judging", 1, 2)
        judgement = mislabelled.judge(embeddings, labels, groups)
        progress("judging", 2, 2)
        accuracy = None if judgement is None else judgement.balanced_accuracy
        figures = {
            "shortcuts": [asdict(each) | {"strong": each.strong} for each in measured],
            "label_judge": {
                "sees": eyes,
                "balanced_accuracy": accuracy,
                "heard": (accuracy or 0) >= suspicions.RELIABLE,
            },
        }
        return figures, [
            *suspicions.duplicates(seen.pairs, pictures),
            *suspicions.shortcuts(measured, pictures),
            *suspicions.mislabelled(judgement, pictures, eyes),
        ]

    def _eyes(self, seen: _Seen, progress: Progress) -> tuple[Floats, str]:
        """What labels are judged by: the embedding of the serving model's frozen network, else simple descriptors."""
        found = self._embedding.embed(seen.spec.name, [row.sha256 for row in seen.rows], progress)
        if found is not None:
            return found
        descriptors = seen.looks["descriptor"].astype(np.float32)
        return descriptors, "only gradients and colours, since no frozen pretrained network serves,"


@dataclass(frozen=True)
class _Seen:
    """A dataset whose images have been looked at: its rows, the pairs that show the same, and what each looks like."""

    spec: ClassifierSpec
    rows: Sequence[Image]
    pairs: Sequence[Pair]
    looks: Fingerprints

    @cached_property
    def pictures(self) -> list[Picture]:
        """The images as findings name them."""
        return [_picture(row) for row in self.rows]


def _picture(row: Image) -> Picture:
    return Picture(row.sha256, row.filename, row.label, row.split, row.group, row.width, row.height)


def _plain(spec: ClassifierSpec, pictures: list[Picture]) -> list[Finding]:
    """What the records tell without a look at the images."""
    query = select(RejectedFile.kind, RejectedFile.path, RejectedFile.reason).where(
        RejectedFile.classifier == spec.name
    )
    files = [(row[0], row[1], row[2]) for row in db.session.execute(query.order_by(RejectedFile.path))]
    return [
        *findings.left_out(files),
        *findings.imbalance(pictures, spec.class_names),
        *findings.patients_on_both_sides(pictures),
        *findings.odd_sizes(pictures),
    ]


def _body(spec: ClassifierSpec, rows: Sequence[Image], found: Sequence[Finding]) -> dict[str, Any]:
    order = ("critical", "warning", "notice")
    records = [each.as_record() for each in sorted(found, key=lambda each: order.index(each.severity))]
    return {
        "classifier": spec.name,
        "images": len(rows),
        "state": _state(spec.name, rows),
        "findings": records,
        "clean": all(each.severity == "notice" for each in found),
        "stale": False,
    }


def _state(classifier: str, rows: Sequence[Image]) -> list[int]:
    """Numbers that change whenever the dataset does: its images, those with a given split, the files left out.

    The number of the last change by hand joins them once there is one.
    """
    left_out = db.session.scalars(select(func.count()).where(RejectedFile.classifier == classifier)).one()
    given = sum(row.split is not None for row in rows)
    changed = [number] if (number := revision_number(classifier)) else []
    return [len(rows), max((row.id for row in rows), default=0), given, left_out, *changed]


def _url(classifier: str) -> str:
    return f"/api/datasets/{classifier}/audit"
