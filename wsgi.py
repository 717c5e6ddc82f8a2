"""The application, as gunicorn and `flask` find it."""

import os
import sys

from app import create_app
from app.config import PRIVATE
from app.errors import ConfigError

os.umask(PRIVATE)
try:
    app = create_app()
except ConfigError as error:
    print(error, file=sys.stderr)  # noqa: T201 - there is no application yet that could say it
    sys.exit(3)  # gunicorn starts a worker again and again that ends with another status
