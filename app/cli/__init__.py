"""The command line: flask init, data, train, evaluate, predict, jobs, models, keys, db, prune, backup and restore."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.cli import data, database, jobs, keys, models, predict, train
from app.errors import FoveaError
from app.logs import printable


def register(app: Flask) -> None:
    """Add the commands to `flask`; what goes wrong is one sentence and exit status 1."""
    for command in (
        models.init,
        data.data,
        train.train,
        train.evaluate,
        predict.predict,
        jobs.jobs,
        models.models,
        keys.keys,
        database.db,
        database.prune,
        database.backup,
        database.restore,
    ):
        _speak_plainly(command)
        app.cli.add_command(command)


def _speak_plainly(command: click.Command) -> None:
    """Turn domain errors of a command, and of those below it, into click's."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _speak_plainly(below)
    elif command.callback is not None:
        command.callback = _plain(command.callback)


def _plain(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any command's
        try:
            return callback(*args, **kwargs)
        except FoveaError as error:
            raise click.ClickException(printable(str(error))) from error
        except DBAPIError as error:
            cause = printable(" ".join(str(error.orig).split()))
            raise click.ClickException(
                f"The database cannot be used ({cause}); look at DATABASE_URL, or let"
                " 'flask init' make the tables, as 'make run' does."
            ) from error
        except BrokenPipeError:  # nobody reads any more, which is no error
            raise
        except OSError as error:
            why = error.args[0][0][2] if isinstance(error, shutil.Error) else error  # it holds a row for each file
            raise click.ClickException(printable(f"A file cannot be read or written: {why}.")) from error

    return run
