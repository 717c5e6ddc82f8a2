"""Jobs: their progress, results, end and second chance; and retraining, which is one."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, stream_with_context, url_for
from flask_openapi3 import APIBlueprint, Tag

from app.services.jobs import ACTIVE, eta_seconds
from app.services.tabular import as_csv
from app.store.tables import Job
from app.web import forms
from app.web.context import services
from app.web.docs import body, problems
from app.web.schemas import Accepted, JobAnswer, JobPath, Jobs, JobsQuery, ResultsQuery, RetrainForm

blueprint = APIBlueprint("jobs", __name__, abp_tags=[Tag(name="Jobs")])

POLL_SECONDS = 1


@blueprint.post(
    "/api/retrain",
    responses={202: Accepted, **problems(400, 404)},
    openapi_extensions=body(RetrainForm, json=True),
)
def retrain() -> Response:
    """Train a new model version on the classifier's dataset; it serves only if it is no worse than the champion."""
    wanted = forms.fields(RetrainForm)
    return accepted(services().retrain.submit(**wanted.model_dump()))


@blueprint.get("/api/jobs", responses={200: Jobs})
def list_jobs(query: JobsQuery) -> Response:
    """List the newest jobs first."""
    found = services().jobs.list(query.status, query.kind, query.limit)
    return jsonify([as_answer(job) for job in found])


@blueprint.get("/api/jobs/<job_id>", responses={200: JobAnswer, **problems(404)})
def get_job(path: JobPath) -> Response:
    """Say how far a job is."""
    return _job_response(services().jobs.get(path.job_id))


@blueprint.delete("/api/jobs/<job_id>", responses={200: JobAnswer, **problems(404, 409)})
def cancel_job(path: JobPath) -> Response:
    """End a waiting job, or ask a running one to stop."""
    return _job_response(services().jobs.cancel(path.job_id))


@blueprint.post("/api/jobs/<job_id>/retry", responses={202: Accepted, **problems(404, 409)})
def retry_job(path: JobPath) -> Response:
    """Queue a failed or cancelled job again; what it has done is kept."""
    return accepted(services().jobs.retry(path.job_id))


@blueprint.get("/api/jobs/<job_id>/results", responses=problems(404))
def job_results(path: JobPath, query: ResultsQuery) -> Response:
    """Give a bulk prediction's answers so far, a row per image."""
    job = services().jobs.get(path.job_id)
    rows = services().batch.results(path.job_id)
    if query.format == "json":
        return jsonify(list(rows))
    classes = services().catalog[job.classifier].class_names
    headers = {"Content-Disposition": f'attachment; filename="fovea-{job.classifier}-{job.id}.csv"'}
    return Response(stream_with_context(as_csv(rows, classes)), mimetype="text/csv", headers=headers)


def accepted(job: Job) -> Response:
    """Answer 202 with where to look."""
    url = url_for("jobs.get_job", job_id=job.id)
    answer = jsonify({"job_id": job.id, "status_url": url})
    answer.status_code = 202
    answer.headers["Location"] = url
    answer.headers["Retry-After"] = str(POLL_SECONDS)
    return answer


def _job_response(job: Job) -> Response:
    answer = jsonify(as_answer(job))
    if job.status in ACTIVE:
        answer.headers["Retry-After"] = str(POLL_SECONDS)
    return answer


def as_answer(job: Job) -> dict[str, Any]:
    """Return a job as the interface gives it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "classifier": job.classifier,
        "status": job.status,
        "progress": {
            "done": job.done,
            "total": job.total,
            "percent": job.percent,
            "stage": job.stage,
            "eta_seconds": eta_seconds(job),
        },
        "params": {name: value for name, value in job.params.items() if name != "rejected"},
        "history": job.history,
        "errors": job.errors,
        "result": job.result,
        "attempts": job.attempts,
        "cancel_requested": job.cancel_requested,
        **{name: _iso(getattr(job, name)) for name in ("created_at", "started_at", "finished_at")},
    }


def _iso(moment: Any) -> str | None:  # noqa: ANN401 - datetime or None
    return None if moment is None else moment.isoformat()
