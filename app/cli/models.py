"""flask init and flask models."""

from __future__ import annotations

from pathlib import Path

import click
from flask import render_template
from flask.cli import with_appcontext

from app.cli.context import echo_json, json_option, progress_bar, say, say_fields
from app.config import CHECKOUT
from app.context import services
from app.services.setup import initialise
from app.store.tables import TrafficMode


@click.command()
@with_appcontext
def init() -> None:
    """Prepare the database and the demonstration models.

    'make run' does this at each start. It is safe to repeat.
    """
    initialise(services())


@click.group()
def models() -> None:
    """List, describe, promote, roll back and delete model versions."""


@models.command("list")
@click.argument("classifier", required=False)
@json_option
@with_appcontext
def list_versions(classifier: str | None, *, as_json: bool) -> None:
    """List the model versions of CLASSIFIER, or of all."""
    versions = services().models.versions(classifier)
    if as_json:
        echo_json(versions)
        return
    for found in versions:
        if found["problem"]:
            say(f"{found['classifier']} {found['version']}: {found['problem']}")
            continue
        marks = ", ".join([*found["aliases"], *(["demo"] if found["demo"] else [])])
        accuracy = found["metrics"]["accuracy"]
        figure = "accuracy unknown" if accuracy is None else f"accuracy {accuracy:.3f}"
        say(f"{found['classifier']} {found['version']}: {found['backbone']}, {figure} {f'({marks})' if marks else ''}")


@models.command()
@click.argument("classifier")
@click.argument("version", type=click.IntRange(1))
@click.option("--reason", default="By command.", show_default=True)
@with_appcontext
def promote(classifier: str, version: int, reason: str) -> None:
    """Let VERSION of CLASSIFIER serve."""
    services().models.promote(classifier, version, reason)
    click.echo(f"{classifier} {version} serves now.")


@models.command()
@click.argument("classifier")
@click.argument("version", type=click.IntRange(1))
@click.option("--reason", default="By command.", show_default=True)
@with_appcontext
def delete(classifier: str, version: int, reason: str) -> None:
    """Remove VERSION of CLASSIFIER for good.

    The champion and the challenger cannot be removed. No later version gets its number.
    """
    services().models.remove(classifier, version, reason)
    click.echo(f"{classifier} {version} is removed.")


@models.command()
@click.argument("classifier")
@click.option("--reason", default="By command.", show_default=True)
@with_appcontext
def rollback(classifier: str, reason: str) -> None:
    """Undo the last promotion of CLASSIFIER."""
    click.echo(f"{classifier} {services().models.rollback(classifier, reason)} serves now.")


@models.command()
@click.argument("classifier")
@click.argument("version", type=click.IntRange(1), required=False)
@click.option("--mode", type=click.Choice(["off", "shadow", "canary"]), help="Nothing, unseen, or for real.")
@click.option("--percent", type=click.FloatRange(0, 100, min_open=True), help="Share of the requests.")
@click.option("--reason", default="By command.", show_default=True)
@json_option
@with_appcontext
def challenger(classifier: str, version: int | None, mode: TrafficMode | None, percent: float | None,
               reason: str, *, as_json: bool) -> None:  # fmt: skip
    """Try a version; compare it with the champion.

    VERSION is the present challenger if left out. Without --mode nothing is changed.
    """
    if mode is not None:
        services().traffic.set_traffic(classifier, version, mode, percent, reason)
    elif version is not None or percent is not None:
        raise click.UsageError("Give --mode: off, shadow or canary.")
    found = services().traffic.comparison(classifier)
    if as_json:
        echo_json(found)
        return
    names = [f"{name} {found[name] or 'none'}" for name in ("champion", "challenger")]
    say(f"{classifier}: {', '.join(names)}; {found['mode']}, {found['percent']:g} % of the requests.")
    for side in ("shadow", "canary"):
        say_fields(side, found[side])


@models.command()
@click.argument("classifier")
@click.argument("version", type=click.IntRange(1), required=False)
@click.option("--html", is_flag=True, help="Write a page of HTML, not Markdown.")
@with_appcontext
def card(classifier: str, version: int | None, html: bool) -> None:
    """Write a model card.

    It is that of VERSION of CLASSIFIER, or of the one that serves.
    """
    found = services().models.document(classifier, version)
    click.echo(render_template("model_card.html" if html else "model_card.md", document=found), nl=False)


@models.command()
@click.argument("classifiers", nargs=-1)
@click.option(
    "--output",
    default=CHECKOUT / "models",
    type=click.Path(path_type=Path),
    help="Where to write the bundles.",
)
@click.option("--recalibrate", is_flag=True, help="Keep the networks; only fit calibration and thresholds again.")
@with_appcontext
def demo(classifiers: tuple[str, ...], output: Path, recalibrate: bool) -> None:
    """Train the demonstration bundles on drawn images.

    They are version 1 of each of CLASSIFIERS, or of all. This is how the bundles in the repository were made.
    """
    from app.training import demo as drawn  # noqa: PLC0415 - training loads TensorFlow

    for name in classifiers or tuple(services().catalog):
        spec = services().catalog[name]
        with progress_bar(name) as show:
            if recalibrate:
                drawn.recalibrate(spec, output / name / "1", show)
            else:
                drawn.build_demo(spec, output, show)
