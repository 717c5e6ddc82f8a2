"""flask audit."""

from __future__ import annotations

import json

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.context import say
from app.store import audit_log
from app.store.audit_log import Head


@click.group()
def audit() -> None:
    """Show and check the audit log: who did what, and when.

    Sign-ins, keys, promotions, trainings, corrections, uploads, removals, downloads and backups are in it. Nothing
    deletes an entry.
    """


@audit.command("log")
@with_appcontext
def export() -> None:
    """Print all entries as JSON lines, the oldest first."""
    for entry in audit_log.entries():
        click.echo(json.dumps(audit_log.as_json(entry) | {"sha256": entry.sha256}))


@audit.command()
@with_appcontext
def head() -> None:
    """Print the signed number and hash of the last entry.

    Keep the line elsewhere: with it, 'flask audit verify' notices even that the end of the log was cut off.
    """
    click.echo(str(audit_log.sign_head(_secret())))


@audit.command()
@click.option("--head", "line", help="A line that 'flask audit head' printed earlier.")
@with_appcontext
def verify(line: str | None) -> None:
    """Check that no entry was changed, inserted or removed."""
    count = audit_log.verify(_secret(), None if line is None else Head.parse(line))
    say(f"{count} entries, each as it was written.")


def _secret() -> str:
    return str(current_app.secret_key)
