"""flask classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml
from flask.cli import with_appcontext

from app.cli.context import echo_json, json_option, progress_bar, say, say_table
from app.context import services
from app.errors import InvalidInput
from app.services.datasets.intake import Report
from app.training.data.datasets import list_files


@click.group()
def classifiers() -> None:
    """Manage the classifiers, without a restart."""


@classifiers.command("list")
@json_option
@with_appcontext
def listed(*, as_json: bool) -> None:
    """List the classifiers, where each comes from and the version that serves."""
    found = services().models.classifiers()
    if as_json:
        echo_json(found)
        return
    rows = [
        [
            each["name"],
            each["source"],
            str(each["champion"] or "none"),
            ", ".join(item["name"] for item in each["classes"]),
        ]
        for each in found
    ]
    say_table(["Name", "From", "Serves", "Classes"], rows)


@classifiers.command()
@click.argument("name")
@with_appcontext
def show(name: str) -> None:
    """Write NAME as YAML, which works as a file in CLASSIFIERS_DIR."""
    click.echo(services().classifiers.as_yaml(name), nl=False)


@classifiers.command()
@click.argument("source")
@click.option("--class", "classes", multiple=True, help="A class of a new classifier; name two or more.")
@click.option("--from-folder", type=click.Path(path_type=Path), help="Images to import; folders or names tell classes.")
@click.option("--title", help="What people read.")
@click.option("--positive", help="The class that a screening refers.")
@with_appcontext
def create(source: str, classes: tuple[str, ...], from_folder: Path | None, title: str | None,
           positive: str | None) -> None:  # fmt: skip
    """Make a classifier.

    SOURCE is a YAML file, or a name that goes with --class or --from-folder:

    \b
      flask classifiers create leaf.yaml
      flask classifiers create leaf --class healthy --class mildew
      flask classifiers create leaf --from-folder photographs/
    """  # noqa: D301 - click's mark
    named = {"title": title, "positive": positive, "classes": list(classes) or None}
    given = _fields(source) | {name: value for name, value in named.items() if value is not None}
    if from_folder is None:
        name = services().classifiers.create(given).name
        say(f"{name} is created. Import images with 'flask data import {name} FOLDER', then train it.")
        return
    with progress_bar(str(given.get("name"))) as show_progress:

        def take(spec: Any) -> Report:  # noqa: ANN401 - a spec
            return services().datasets.import_folder(spec.name, from_folder, from_folder.name[:40], show_progress)

        paths = list_files(from_folder)
        spec, report = services().classifiers.create_with(given, paths, take)
    say(f"{spec.name} is created, with {report.accepted} images; {len(report.rejected)} rejected.")
    say(f"Train it with 'flask train {spec.name}'.")


@classifiers.command()
@click.argument("name")
@click.argument("changes", nargs=-1, required=True)
@with_appcontext
def edit(name: str, changes: tuple[str, ...]) -> None:
    """Change NAME by CHANGES such as title="Leaf health".

    Each is a field of the YAML file and its value as YAML has it; null gives it its default again:

    \b
      flask classifiers edit leaf positive=mildew preprocessing.crop=center
    """  # noqa: D301 - click's mark
    _, effects = services().classifiers.edit(name, _changes(changes))
    for field, moment in effects.items():
        say(f"{field}: changed; takes effect {moment if moment == 'now' else f'with {moment}'}.")
    if not effects:
        say("Nothing has changed.")


@classifiers.command()
@click.argument("name")
@click.option("--confirm", help="The name once more; asked for if left out.")
@with_appcontext
def delete(name: str, confirm: str | None) -> None:
    """Delete NAME with its images, models, predictions and jobs, for good."""
    if confirm is None:
        confirm = click.prompt(f"This deletes all images, models and predictions of {name}. Repeat the name")
    gone = services().classifiers.delete(name, confirm)
    say(f"{name} is deleted: {', '.join(f'{count} {what}' for what, count in gone.items())}.")


def _fields(source: str) -> dict[str, Any]:
    """Return the fields of a YAML file, or the name alone."""
    if not source.endswith((".yaml", ".yml")):
        return {"name": source}
    try:
        found = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{source} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{source} holds no fields with names, such as name: leaf.")
    return found


def _changes(given: tuple[str, ...]) -> dict[str, Any]:
    """Return {"section": {"field": value}} for section.field=value."""
    changes: dict[str, Any] = {}
    for each in given:
        path, equals, text = each.partition("=")
        if not equals:
            raise click.UsageError(f"{each!r} is no change; write field=value.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise click.UsageError(f"{text!r} is no YAML value.") from error
        section, dot, field = path.partition(".")
        if dot:
            changes.setdefault(section, {})[field] = value
        else:
            changes[section] = value
    return changes
