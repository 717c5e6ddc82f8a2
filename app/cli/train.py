"""flask train and flask evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.cli.context import echo_json, json_option, progress_bar, say, say_table
from app.cli.foreground import run_in_foreground
from app.context import services
from app.services.models.figures import tables
from app.services.models.retrain import TrainingRequest
from app.store.tables import Job


@click.command()
@click.argument("classifier")
@click.option("--backbone", help="The network, one of docs/training.md or of yours in WEIGHTS_DIR; the classifier's"
              " own if left out.")  # fmt: skip
@click.option("--mode", type=click.Choice(["head", "full"]), help="Train the last layer only, or all of it.")
@click.option("--epochs", type=click.IntRange(1, 500), help="Maximum number of passes over the training images.")
@click.option("--weights", default="imagenet", show_default=True, help="Start from 'imagenet', 'none' or a file.")
@click.option("--promote", type=click.Choice(["auto", "manual", "never"]), help="Who decides what serves.")
@click.option("--search", "searching", is_flag=True, help="Choose the backbone and the head by cross-validation.")
@click.option("--budget", type=click.FloatRange(0, min_open=True), default=10, show_default=True,
              help="Minutes after which a search begins no other backbone.")  # fmt: skip
@with_appcontext
def train(classifier: str, searching: bool, budget: float, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Train a new model version in this process.

    It learns from the CLASSIFIER's dataset, is compared with the champion on the same test images, and serves only if
    it is no worse.
    """
    job = services().retrain.record(TrainingRequest(classifier, search=budget if searching else None, **options))
    run_in_foreground(services().jobs, job.id, lambda claimed: services().training_run().run(claimed))
    _print(services().jobs.get(job.id))


@click.command()
@click.argument("classifier")
@click.option("--data", "folder", required=True, type=click.Path(path_type=Path), help="Folder of labelled images.")
@click.option("--version", type=click.IntRange(1), help="Model version; the champion if left out.")
@json_option
@with_appcontext
def evaluate(classifier: str, folder: Path, version: int | None, *, as_json: bool) -> None:
    """Measure a model version on a folder of labelled images.

    The folder is read in the CLASSIFIER's convention. Images that the version learned from are counted apart.
    """
    with progress_bar("Evaluating", {"reading images": 1, "evaluating": 4}) as show:
        figures = services().evaluation().evaluate(classifier, folder, version, show)
    if seen := figures["trained_on"]:
        click.echo(_warning(seen, figures["n"]), err=True)
    if as_json:
        echo_json(figures)
        return
    say(f"Version {figures['model_version']} of {classifier} on {figures['n']} images; {figures['rejected']} not used.")
    _say_figures("All images" if figures["unseen"] else "Figures", figures)
    if figures["unseen"]:
        _say_figures(f"The {figures['unseen']['n']} images that it did not learn from", figures["unseen"])


def _say_figures(title: str, metrics: dict[str, Any]) -> None:
    """Print the tables of a model card, each figure with its 95 % interval."""
    say("")
    say(f"{title}, with 95 % intervals:")
    for table in tables(metrics):
        say("")
        say_table(table.heads, table.rows)


def _warning(seen: int, n: int) -> str:
    trust = f"Believe those of the other {n - seen}, under 'unseen'." if seen < n else "Measure it on others."
    return f"Warning: {seen} of the {n} images are among those that this version learned from. {trust}"


def _print(job: Job) -> None:
    for trial in (job.result or {}).get("search", []):
        say("tried  " + "  ".join(f"{name} {_short(value)}" for name, value in trial.items()))
    for epoch in job.history:
        say("  ".join(f"{name} {value:.4g}" for name, value in epoch.items()))
    if job.status == "queued":
        raise click.ClickException(
            f"Another training of {job.classifier} runs; this one waits for it and is done by the training worker then:"
            f" flask jobs show {job.id}"
        )
    if job.status != "succeeded" or job.result is None:
        reason = job.errors[-1]["reason"] if job.errors else job.status
        raise click.ClickException(f"The training {job.status}: {reason}")
    result = job.result
    click.echo(f"Version {result['model_version']}: {' '.join(result['reasons'])}")
    click.echo(f"Version {result['champion_version']} serves now.")


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
