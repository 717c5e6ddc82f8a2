"""Starts Fovea's processes, keeps them running and stops them: `python -m app.supervisor`."""

import time

BEGUN = time.monotonic()  # before anything else is imported
