"""flask jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
from flask.cli import with_appcontext

from app.cli.context import echo_json, json_option, progress_bar, say, say_fields
from app.cli.rows import WRITERS, write
from app.context import services
from app.services.bulk.batch import KIND
from app.services.datasets.archive import Found, Member, source_members
from app.services.jobs.queues import ROUTES
from app.services.jobs.reporting import eta_seconds
from app.services.jobs.transitions import ACTIVE, MOVES, events
from app.store.tables import Job
from app.store.transaction import release_connection
from app.training.progress import Progress

POLL_SECONDS: Final = 0.5


class ResultsFile(click.Path):
    """A file whose ending says its format."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Refuse a format that there is not, before anything is done."""
        path: Path = super().convert(value, param, ctx)  # type: ignore[arg-type, assignment]  # click's own looseness
        if path.suffix.lower() not in WRITERS:
            self.fail(f"{path} must end in one of: {', '.join(WRITERS)}.", param, ctx)
        return path


@click.group()
def jobs() -> None:
    """Submit, follow, cancel and retry jobs; fetch their answers."""


@jobs.command("list")
@click.option("--status", type=click.Choice(list(MOVES)))
@click.option("--kind", type=click.Choice(list(ROUTES)))
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@json_option
@with_appcontext
def list_jobs(status: str | None, kind: str | None, limit: int, *, as_json: bool) -> None:
    """List jobs, the newest first."""
    found = services().jobs.list(status, kind, limit)
    if as_json:
        echo_json([_as_record(job) for job in found])
        return
    for job in found:
        say(_line(job))


@jobs.command()
@click.argument("job_id")
@json_option
@with_appcontext
def show(job_id: str, *, as_json: bool) -> None:
    """Show a job: how far it is, what happened to it, and its result."""
    job = services().jobs.get(job_id)
    if as_json:
        echo_json(_as_record(job) | {"events": events(job_id)})
        return
    say(_line(job))
    for event in events(job_id):
        say(f"  {event['at']:%Y-%m-%d %H:%M:%S}  {event['status']:<9}  {event['cause']}")
    for error in job.errors:
        say(f"  {error['file'] or 'The job'}: {error['reason']}")
    if job.result is not None:
        say_fields("result", job.result)


@jobs.command()
@click.argument("job_id")
@click.option("--keep", is_flag=True, help="Keep a training's best epoch so far, as the challenger.")
@with_appcontext
def cancel(job_id: str, keep: bool) -> None:
    """Cancel a job."""
    say(_line(services().jobs.cancel(job_id, keep)))


@jobs.command()
@click.argument("job_id")
@with_appcontext
def retry(job_id: str) -> None:
    """Queue a failed or cancelled job again."""
    say(_line(services().jobs.retry(job_id)))


@jobs.command()
@click.argument("job_id")
@click.option("--output", required=True, type=ResultsFile(), help="A .csv, .jsonl, .json or .parquet file to write.")
@with_appcontext
def results(job_id: str, output: Path) -> None:
    """Write the answers of a bulk prediction to a file.

    While it runs, that is as far as they are there.
    """
    _write(job_id, output)


@jobs.command()
@click.argument("classifier")
@click.argument("folder")
@click.option("--output", type=ResultsFile(), help="Wait, and write the answers to this .csv, .jsonl or .parquet file.")
@click.option("--key", help="Idempotency key: the same key submits the job only once.")
@with_appcontext
def submit(classifier: str, folder: str, output: Path | None, key: str | None) -> None:
    """Let the workers answer every image below FOLDER.

    It is a bulk prediction, whose id is printed.
    """
    found = source_members(folder)
    with progress_bar("Reading") as show_progress:
        told = Found(_told(list(found.members), show_progress), found.ignored)
        job_id = services().batch.submit(classifier, told, key=key).id
    click.echo(job_id)
    if found.ignored:
        click.echo(f"System files ignored: {found.ignored}.", err=True)
    if output is not None:
        _follow(job_id)
        _write(job_id, output)


def _told(found: Sequence[Member], tell: Progress) -> Iterator[Member]:
    for number, member in enumerate(found, start=1):
        yield member
        tell("images", number, len(found))


def _follow(job_id: str) -> None:
    """Wait for the end of a job; a ClickException unless it succeeds."""
    with progress_bar("Predicting") as show_progress:
        while (job := services().jobs.get(job_id)).status in ACTIVE:
            show_progress(job.stage, job.done, job.total)
            release_connection()
            time.sleep(POLL_SECONDS)
    if job.status != "succeeded":
        raise click.ClickException(f"The job {job.status}; see: flask jobs show {job_id}")


def _write(job_id: str, output: Path) -> None:
    job, rows = services().jobs.get(job_id), services().batch.results(job_id)
    write(rows, output, services().catalog[job.classifier].class_names)
    failed = (job.result or {}).get("failed", 0)
    without = f", {failed} of them without an answer" if failed else ""
    click.echo(f"{output} written: {job.done} of {job.total} files{without}.", err=True)


def _as_record(job: Job) -> dict[str, Any]:
    """Return all that is known of a job."""
    return {column.name: getattr(job, column.name) for column in Job.__table__.columns}


def _line(job: Job) -> str:
    left = eta_seconds(job)
    rest = "" if left is None else f", about {left:.0f} s left"
    images = f", {job.done} of {job.total} images" if job.kind == KIND else ""
    how_far = f", {job.stage}, {job.percent:.0f} %{rest}" if job.status in ACTIVE else ""
    return f"{job.id} {job.kind} {job.classifier} {job.created_at:%Y-%m-%d %H:%M:%S} {job.status}{how_far}{images}"
