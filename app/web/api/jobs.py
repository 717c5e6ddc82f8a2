"""Jobs: list, show, cancel and retry; and retraining, which is a job."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response, jsonify, request, url_for
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.services.jobs.reporting import eta_seconds
from app.services.jobs.transitions import ACTIVE, events
from app.services.models.retrain import TrainingRequest
from app.store.db import now
from app.store.tables import Job
from app.web import forms
from app.web.docs import body, operation_id, problems
from app.web.schemas.answers import Accepted, JobDetail, Jobs
from app.web.schemas.requests import CancelQuery, JobPath, JobsQuery, RetrainForm
from app.web.security.scopes import NEEDED_BY_KIND, require

blueprint = APIBlueprint("jobs", __name__, abp_tags=[Tag(name="Jobs")], operation_id_callback=operation_id)

# Retry-After in seconds: a twentieth of the time left, within bounds.
SOONEST, LATEST, UNKNOWN = 1, 5, 2
WAITED = 5  # seconds; a job that has not started by then waits behind others
NOT_CHANGED: Final[dict[str | int | HTTPStatus, Any]] = {
    304: {"description": "Not changed since the answer with this ETag"}
}


@blueprint.post(
    "/api/retrain",
    responses={202: Accepted, **problems(400, 404, 409)},
    openapi_extensions=body(RetrainForm, json=True),
)
def retrain() -> Response:
    """Train a new model version on the classifier's dataset; it serves only if it is no worse than the champion."""
    wanted = forms.fields(RetrainForm)
    return accepted(services().retrain.submit(TrainingRequest(**wanted.model_dump()), forms.idempotency_key()))


@blueprint.get("/api/jobs", responses={200: Jobs, **NOT_CHANGED})
def list_jobs(query: JobsQuery) -> Response:
    """List the newest jobs first."""
    found = services().jobs.list(query.status, query.kind, query.limit)
    return _if_changed(jsonify([as_answer(job) for job in found]))


@blueprint.get("/api/jobs/<job_id>", responses={200: JobDetail, **NOT_CHANGED, **problems(404)})
def get_job(path: JobPath) -> Response:
    """Give a job: its progress, result and events."""
    return _job_response(services().jobs.get(path.job_id))


@blueprint.delete("/api/jobs/<job_id>", responses={200: JobDetail, **problems(404, 409)})
def cancel_job(path: JobPath, query: CancelQuery) -> Response:
    """Cancel a waiting job or a bulk prediction at once; ask any other to stop. A training may keep its best epoch."""
    require(NEEDED_BY_KIND[services().jobs.get(path.job_id).kind])
    return _job_response(services().jobs.cancel(path.job_id, query.keep))


@blueprint.post("/api/jobs/<job_id>/retry", responses={202: Accepted, **problems(404, 409)})
def retry_job(path: JobPath) -> Response:
    """Queue a failed or cancelled job again; finished work is kept."""
    require(NEEDED_BY_KIND[services().jobs.get(path.job_id).kind])
    return accepted(services().jobs.retry(path.job_id))


def accepted(job: Job) -> Response:
    """Answer 202 with the address of the job."""
    url = url_for("jobs.get_job", job_id=job.id)
    answer = jsonify({"job_id": job.id, "status_url": url})
    answer.status_code = 202
    answer.headers["Location"] = url
    answer.headers["Retry-After"] = str(SOONEST)
    return answer


def _job_response(job: Job) -> Response:
    answer = jsonify(as_answer(job) | {"events": events(job.id)})
    if job.status in ACTIVE:
        answer.headers["Retry-After"] = str(_pause(job))
    return _if_changed(answer)


def _pause(job: Job) -> int:
    """Return the seconds after which it is worth asking again."""
    if job.status == "queued":
        return LATEST if (now() - job.created_at).total_seconds() > WAITED else SOONEST
    left = eta_seconds(job)
    return UNKNOWN if left is None else round(min(max(left / 20, SOONEST), LATEST))


def _if_changed(answer: Response) -> Response:
    """Answer 304 without a body where the client has seen this answer."""
    if request.method == "GET":
        answer.add_etag()
        answer.cache_control.no_cache = True
        answer.make_conditional(request)
    return answer


def as_answer(job: Job) -> dict[str, Any]:
    """Return a job as JSON values."""
    return {
        "id": job.id,
        "kind": job.kind,
        "classifier": job.classifier,
        "status": job.status,
        "progress": {
            "done": job.done,
            "total": job.total,
            "percent": round(job.percent, 1),
            "stage": job.stage,
            "eta_seconds": eta_seconds(job),
        },
        "params": job.params,
        "history": job.history,
        "errors": job.errors,
        "result": job.result,
        "attempts": job.attempts,
        "cancel_requested": job.cancel_requested,
        "request_id": job.request_id,
        "actor": job.actor,
        **{name: _iso(getattr(job, name)) for name in ("created_at", "started_at", "finished_at")},
    }


def _iso(moment: Any) -> str | None:  # noqa: ANN401 - datetime or None
    return None if moment is None else moment.isoformat()
