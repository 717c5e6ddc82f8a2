"""The application, as gunicorn and `flask` find it."""

import sys

from app import create_app
from app.errors import ConfigError

try:
    app = create_app()
except ConfigError as error:
    print(error, file=sys.stderr)  # noqa: T201 - there is no application yet that could say it
    sys.exit(3)  # gunicorn starts a worker again and again that ends with another status
