"""The commands of `flask`.

They are init, classifiers, data, train, evaluate, predict, jobs, models, keys, audit, db, prune, backup and restore.
"""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.actor import acting_as
from app.cli import access, classifiers, data, database, jobs, models, predict, train
from app.errors import FoveaError
from app.logs import printable


def register(app: Flask) -> None:
    """Add the commands to `flask`; an error is one sentence and exit status 1."""
    for command in (
        models.init,
        classifiers.classifiers,
        data.data,
        train.train,
        train.evaluate,
        predict.predict,
        jobs.jobs,
        models.models,
        access.keys,
        access.audit,
        database.db,
        database.prune,
        database.backup,
        database.restore,
    ):
        _handle_errors(command)
        app.cli.add_command(command)


def _handle_errors(command: click.Command) -> None:
    """Turn domain errors of a command, and of those below it, into click's."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _handle_errors(below)
    elif command.callback is not None:
        command.callback = _with_messages(command.callback)


def _with_messages(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any command's
        try:
            with acting_as(f"command of {_user()}"):
                return callback(*args, **kwargs)
        except FoveaError as error:
            raise click.ClickException(printable(str(error))) from error
        except DBAPIError as error:
            cause = printable(" ".join(str(error.orig).split()))
            raise click.ClickException(
                f"The database cannot be used ({cause}); check DATABASE_URL, or let"
                " 'flask init' make the tables, as 'make run' does."
            ) from error
        except BrokenPipeError:  # the reader has closed the pipe, which is no error
            raise
        except OSError as error:
            why = error.args[0][0][2] if isinstance(error, shutil.Error) else error  # it holds a row for each file
            raise click.ClickException(printable(f"A file cannot be read or written: {why}.")) from error

    return run


def _user() -> str:
    """Return the name of the operating system's user; its number where a container has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
