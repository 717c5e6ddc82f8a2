from __future__ import annotations

from pathlib import Path

import pytest
from gunicorn.app.wsgiapp import WSGIApplication

from app.config import CHECKOUT


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:8123"), ("::1", "[::1]:8123")])
def test_gunicorn_takes_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, bind: str) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    argv = ["gunicorn", "--config", str(CHECKOUT / "deploy" / "gunicorn.conf.py"), "wsgi:app"]
    monkeypatch.setattr("sys.argv", argv)
    config = WSGIApplication().cfg
    assert config.bind == [bind]
    assert config.workers == 3
    assert config.worker_class_str == "gevent"
    assert (tmp_path / "metrics").is_dir()
