"""Entry: check, then run.

Exit codes: 0 after SIGTERM, 130 after Ctrl-C, 1 when a process cannot be kept running, 2 for a bad setting.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from app.config import PRIVATE, Settings
from app.errors import ConfigError, FoveaError
from app.supervisor.checks import check_port, exclusive
from app.supervisor.supervisor import Supervisor


def main() -> NoReturn:
    """Run Fovea with the settings of the environment; a FoveaError becomes its sentence on stderr."""
    os.umask(PRIVATE)
    try:
        settings = Settings.from_env()
        settings.prepare_folders()
        with exclusive(settings.data_dir, settings.instance_dir / "lock") as lock:
            check_port(settings.host, settings.port)
            Supervisor(settings, lock).run()
    except FoveaError as error:
        click.echo(str(error), err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


if __name__ == "__main__":
    main()
