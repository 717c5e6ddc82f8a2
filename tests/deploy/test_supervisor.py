from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from app.config import CHECKOUT, Settings

WEB_WORKER_LIMIT = 250 * 2**20


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def launch(data_dir: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.supervisor"],
        cwd=CHECKOUT,
        env=os.environ | {"DATA_DIR": str(data_dir), "PORT": str(free_port()), "WEB_CONCURRENCY": "1"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refusal(data_dir: Path, **env: str) -> str:
    process = launch(data_dir, **env)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert out == ""
    assert err.count("\n") == 1
    return err.strip()


def wait_for_line(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return seen
    pytest.fail(f"{text!r} was never printed:\n{''.join(seen)}")


@pytest.fixture
def busy_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield int(server.getsockname()[1])


def test_a_taken_port_is_refused(tmp_path: Path, busy_port: int) -> None:
    sentence = refusal(tmp_path, PORT=str(busy_port))
    assert f"Port {busy_port} on 127.0.0.1 is taken" in sentence
    assert f"PORT={busy_port + 1}" in sentence


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "set DATA_DIR" in refusal(tmp_path / "file" / "below")


def test_a_bad_setting_is_refused(tmp_path: Path) -> None:
    assert "PORT='lots'" in refusal(tmp_path, PORT="lots")


def test_a_host_of_another_machine_is_refused(tmp_path: Path) -> None:
    assert "HOST='192.0.2.1' is not an address of this machine" in refusal(tmp_path, HOST="192.0.2.1")


def test_a_classifiers_file_that_is_wrong_is_named_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("name: odd\n")
    process = launch(tmp_path / "data", CLASSIFIERS_DIR=str(tmp_path))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "odd.yaml: title: is missing." in out
    assert "Traceback" not in out


def test_everything_starts_survives_a_death_and_stops(tmp_path: Path) -> None:
    process = launch(tmp_path)
    try:
        wait_for_line(process, "Fovea is ready at http://127.0.0.1:")
        counts = Settings(data_dir=tmp_path).metrics_dir
        assert counts.is_dir()
        assert "already runs" in refusal(tmp_path)

        family = psutil.Process(process.pid).children(recursive=True)
        web = [each for each in family if "gunicorn" in each.cmdline()]
        assert len(web) == 2
        assert max(each.memory_info().rss for each in web) < WEB_WORKER_LIMIT
        assert not any("tensorflow" in area.path for each in web for area in each.memory_maps())

        beat = next(each for each in family if "beat" in each.cmdline())
        beat.kill()
        wait_for_line(process, "beat ended unexpectedly (exit code -9) and is started again.")

        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert time.monotonic() - begun < 12
        assert not counts.exists()
        assert not [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    finally:
        process.kill()
