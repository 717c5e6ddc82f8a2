"""flask db, prune, backup and restore."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from app.cli.context import progress_bar, say
from app.context import services
from app.services.operations.backup import Amount
from app.store import migrations
from app.supervisor.checks import exclusive

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    "db",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
@with_appcontext
def db(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Show, check, make and undo the database's revisions."""
    migrations.config()  # registers the present application
    from flask_migrate.cli import db as commands  # noqa: PLC0415 - 17 MB that no web worker needs

    commands.main(arguments or ("--help",), prog_name="flask db", obj=context.obj)


@click.command()
@click.option("--dry-run", is_flag=True, help="Delete nothing; print what would be deleted.")
@with_appcontext
def prune(*, dry_run: bool) -> None:
    """Delete what the RETAIN_... settings no longer keep.

    That is predictions, images and jobs. The schedule does the same every hour.
    """
    found = services().retention.prune(dry_run)
    click.echo(
        f"{'Would delete' if dry_run else 'Deleted'} {found.jobs} jobs, {found.predictions} predictions and"
        f" {found.images} images ({found.bytes / 1_000_000:.1f} MB)."
    )


@click.command()
@click.argument("file", type=FILE)
@with_appcontext
def backup(file: Path) -> None:
    """Write rows, models and images to the new FILE.

    Fovea may run meanwhile.
    """
    with progress_bar("Backing up") as show:
        amount = services().backup.save(file, show)
    for sentence in amount.missing:
        say(f"Not in the backup: {sentence}", err=True)
    click.echo(f"{file}: {_say(amount)}, {file.stat().st_size / 1_000_000:.1f} MB.")


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace what the database holds.")
@with_appcontext
def restore(file: Path, *, force: bool) -> None:
    """Put back what 'flask backup' wrote to FILE.

    Fovea must not run meanwhile.
    """
    settings = services().settings
    with exclusive(settings.data_dir, settings.instance_dir / "lock"), progress_bar("Restoring") as show:
        amount = services().backup.load(file, force, show)
    click.echo(f"Restored {_say(amount)}.")


def _say(amount: Amount) -> str:
    return f"{amount.rows} rows, {amount.bundles} model versions and {amount.images} images"
