"""The load scenarios of locustfile.py, against a real application."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import free_port
from flask import Flask
from werkzeug.serving import make_server

from app.config import CHECKOUT


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def locust(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", *options]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=170)


def test_what_the_command_line_says_wins_over_the_scenario(url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = locust("--host", url, "--scenario", "heavy", "-u", "2", "-r", "2", "-t", "5s", "--html", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed: 0.0% of " in done.stdout
    assert "Run time limit set to 5 seconds" in done.stderr
    assert '"Reader": 2' in done.stderr
    assert "/api/predict" in report.read_text()


def test_a_run_in_which_requests_fail_fails() -> None:
    done = locust("--host", f"http://127.0.0.1:{free_port()}", "--short", "-t", "3s")
    assert done.returncode == 1
    assert "FAILED: 100.0% of " in done.stdout
    assert "Ramping to 10 users at a rate of 2.00 per second" in done.stderr
