"""Bulk prediction: many images as a job, in one call or in parts, and its results in four formats."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

from flask import Response, jsonify, stream_with_context
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.services.bulk.results import ResultFilter
from app.services.bulk.tabular import BLOCK_BYTES, FORMATS
from app.services.datasets.archive import members
from app.web import forms
from app.web.api.jobs import accepted
from app.web.docs import body, operation_id, problems
from app.web.offload import run_cpu_bound
from app.web.schemas.answers import Accepted, ResultCounts
from app.web.schemas.requests import BulkForm, JobPath, ResultsQuery

blueprint = APIBlueprint("bulk", __name__, abp_tags=[Tag(name="Predict")], operation_id_callback=operation_id)

MEDIA_TYPES: Final = {
    "json": "application/json", "jsonl": "application/jsonl", "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}  # fmt: skip


@blueprint.post(
    "/api/bulk-predict",
    responses={202: Accepted, **problems(400, 404, 409, 413)},
    openapi_extensions=body(BulkForm, "files"),
)
def bulk_predict() -> Response:
    """Accept many images, field `files` repeated or a zip archive, as a job.

    Send more than fits into one call in parts: `more=true` keeps the job waiting, `job_id` adds to it, and the call
    without `more` starts it. With the header Idempotency-Key a call can be repeated safely.
    """
    forms.allow_bulk()
    wanted, batch, key = forms.fields(BulkForm), services().batch, forms.idempotency_key()
    sent = list(forms.uploads(needed=wanted.job_id is None or wanted.more))
    found = run_cpu_bound(lambda: members(sent).in_natural_order() if wanted.sort else members(sent))
    if wanted.job_id is None:
        return accepted(batch.submit(wanted.classifier, found, wanted.more, key))
    return accepted(batch.add(wanted.job_id, found, wanted.more, key))


@blueprint.get("/api/jobs/<job_id>/results", responses=problems(404, 409))
def job_results(path: JobPath, query: ResultsQuery) -> Response:
    """Give a bulk prediction's answers so far, a row per file, in the order in which they were sent.

    X-Total-Count says how many rows there are in all, of the decision and class asked for.
    """
    job, wanted = services().jobs.get(path.job_id), ResultFilter(query.decision, query.predicted_class)
    rows = services().batch.results(job.id, query.offset, query.limit, wanted)
    parts = FORMATS[query.format](rows, services().catalog[job.classifier].class_names, run=run_cpu_bound)
    answer = Response(stream_with_context(_blocks(parts)), mimetype=MEDIA_TYPES[query.format])
    answer.headers["X-Total-Count"] = str(services().batch.count(job.id, wanted))
    if query.format != "json":
        name = f"fovea-{job.classifier}-{job.id}.{query.format}"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.get("/api/jobs/<job_id>/results/counts", responses={200: ResultCounts, **problems(404, 409)})
def job_result_counts(path: JobPath) -> Response:
    """Count a bulk prediction's rows by decision and predicted class.

    Files without an answer have the decision error or waiting, and no class.
    """
    return jsonify(services().batch.counts(path.job_id))


def _blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Join small parts into blocks, and let other requests of this process run between them."""
    block = bytearray()
    for part in parts:
        block += part
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
            time.sleep(0)
    yield bytes(block)
