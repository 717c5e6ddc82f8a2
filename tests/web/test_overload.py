"""What a web worker does when more is asked than it can do: a real gunicorn with one worker, and real sockets."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import httpx
import numpy as np
import pytest
from conftest import free_port
from http_checks import CAT

from app import create_app
from app.config import CHECKOUT, Settings
from app.factory import EXTENSION
from app.services.setup import initialise
from app.web.overload import PLACES

START_SECONDS = 60
STRIPES = np.tile(np.arange(2000, dtype=np.uint8)[:, None, None], (1, 1500, 3))
SLOW = cv2.imencode(".png", STRIPES)[1].tobytes()  # small to send, and decoded whole
IMAGES = 48
HALF = b"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf of it"


class Web(NamedTuple):
    """A running gunicorn."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def predict(self) -> str:
        return f"{self.url}/api/predict?classifier=cat_dog"


@contextmanager
def gunicorn(data_dir: Path) -> Iterator[Web]:
    settings = Settings(data_dir=data_dir)
    app = create_app(settings)
    with app.app_context():
        initialise(app.extensions[EXTENSION])
    port = free_port()
    own = {"DATA_DIR": str(settings.data_dir), "PORT": str(port), "WEB_CONCURRENCY": "1", "ANSWER_CACHE": "off"}
    argv = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
    process = subprocess.Popen(argv, cwd=CHECKOUT, env=os.environ | own)
    try:
        _wait_until_warm(process, port)
        yield Web(process, port)
    finally:
        process.kill()
        process.wait(30)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with gunicorn(tmp_path_factory.mktemp("web")) as running:
        yield running


def _wait_until_warm(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.post(f"http://127.0.0.1:{port}/api/predict?classifier=cat_dog", content=CAT).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("gunicorn did not become ready")


def test_what_is_too_much_is_refused_at_once_and_nothing_else(web: Web) -> None:
    asked = 3 * PLACES

    def ask(_: int) -> tuple[httpx.Response, float]:
        return httpx.post(web.predict, content=SLOW, timeout=120), time.monotonic()

    with ThreadPoolExecutor(asked) as clients:
        answers = list(clients.map(ask, range(asked)))
    served = [at for answer, at in answers if answer.status_code == 200]
    refused = [(answer, at) for answer, at in answers if answer.status_code == 503]
    assert len(served) + len(refused) == asked
    assert len(served) >= PLACES
    assert refused
    assert min(at for _, at in refused) < sorted(served)[PLACES - 1]  # it did not wait for those before it
    for answer, _ in refused:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert "Too many predictions" in answer.json()["detail"]
    assert httpx.post(web.predict, content=b"no image").status_code == 415  # and gives its place back
    assert all(httpx.post(web.predict, content=CAT).status_code == 200 for _ in range(PLACES))
    counted = re.search(r"^fovea_predictions_refused_total (\S+)$", httpx.get(f"{web.url}/metrics").text, re.MULTILINE)
    assert counted
    assert float(counted[1]) == len(refused)


def test_connections_that_send_nothing_more_hold_nobody_up_and_are_closed(web: Web) -> None:
    with ExitStack() as lines:
        for sent in (b"", HALF) * 200:
            line = lines.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=60))
            line.sendall(sent)
        assert all(httpx.post(web.predict, content=CAT, timeout=30).status_code == 200 for _ in range(10))
        answer = b"".join(iter(lambda: line.recv(65_536), b""))  # until the server closes the last, half-sent one
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert b"did not come in time" in answer


def test_an_upload_of_large_images_keeps_no_other_request_waiting(web: Web) -> None:
    images = [cv2.imencode(".png", STRIPES + np.uint8(number))[1].tobytes() for number in range(IMAGES)]
    files = [("files", (f"cat.{number}.png", data)) for number, data in enumerate(images)]
    waited: list[float] = []
    with ThreadPoolExecutor(1) as clients, httpx.Client(timeout=120) as other:
        upload = clients.submit(
            httpx.post, f"{web.url}/api/upload", data={"classifier": "cat_dog"}, files=files, timeout=120
        )
        while not upload.done():
            waited.append(other.get(f"{web.url}/livez").raise_for_status().elapsed.total_seconds())
    assert upload.result().json()["accepted"] == IMAGES
    assert max(waited) < upload.result().elapsed.total_seconds() / 2


def test_a_stop_lets_requests_in_flight_end_and_takes_no_new_ones(tmp_path: Path) -> None:
    with gunicorn(tmp_path) as web, ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(httpx.post, web.predict, content=SLOW, timeout=120) for _ in range(4)]
        time.sleep(0.5)  # until they have been sent
        web.process.send_signal(signal.SIGTERM)
        assert [each.result().status_code for each in asked] == [200] * 4
        assert web.process.wait(60) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{web.url}/livez")
