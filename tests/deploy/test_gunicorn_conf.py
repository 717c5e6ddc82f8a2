from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import CHECKOUT


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:8123"), ("::1", "[::1]:8123")])
def test_gunicorn_takes_the_settings(tmp_path: Path, host: str, bind: str) -> None:
    metrics = tmp_path / "metrics"
    own = {"HOST": host, "PORT": "8123", "WEB_CONCURRENCY": "3", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--print-config", "wsgi:app"],
        cwd=CHECKOUT,
        env=os.environ | own | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)},
        capture_output=True,
        text=True,
        check=True,
    )
    config = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    config = {name.strip(): value.strip() for name, value in config.items()}
    assert config["bind"] == str([bind])
    assert config["workers"] == "3"
    assert config["worker_class"] == "gevent"
    assert config["forwarded_allow_ips"] in ("", "[]")  # TRUSTED_PROXIES alone decides
    assert config["child_exit"].startswith("<child_exit")
    assert metrics.is_dir()
