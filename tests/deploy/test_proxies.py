"""The reverse proxies' settings in deploy/, by the real programs where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import free_port
from flask import Flask, request
from werkzeug.serving import make_server

from app import create_app
from app.config import CHECKOUT, Settings
from app.factory import EXTENSION
from app.services.setup import initialise
from benchmarks.site import Nginx, find_nginx, program, wait

CADDY = shutil.which("caddy")
Seen = list[tuple[str | None, str, str]]
needs_nginx = pytest.mark.skipif(find_nginx() is None, reason="No nginx is installed here.")
needs_caddy = pytest.mark.skipif(CADDY is None, reason="No Caddy is installed here.")


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    tmp_path.chmod(0o755)
    return Nginx(tmp_path)


@contextmanager
def served(settings: Settings) -> Iterator[tuple[int, Seen]]:
    """Serve the real application; give its port and what each request looked like to it."""
    app, seen = create_app(settings), Seen()

    def look() -> None:
        seen.append((request.remote_addr, request.scheme, request.host))

    app.before_request(look)
    assert isinstance(app, Flask)
    with app.app_context():
        initialise(app.extensions[EXTENSION])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port, seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@needs_nginx
def test_nginx_takes_the_settings(nginx: Nginx) -> None:
    nginx.balance([8001, 8002])
    done = nginx.check()
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@needs_nginx
@pytest.mark.parametrize(("proxies", "address", "scheme"), [(1, "127.0.0.2", "https"), (0, "127.0.0.1", "http")])
def test_fovea_sees_the_client_behind_nginx_when_told_to(
    nginx: Nginx, settings: Settings, proxies: int, address: str, scheme: str
) -> None:
    told = settings.model_copy(update={"trusted_proxies": proxies})
    with served(told) as (port, seen):
        nginx.balance([port])
        transport = httpx.HTTPTransport(local_address="127.0.0.2", verify=nginx.trust())
        with nginx.runs(), httpx.Client(transport=transport, timeout=60) as client:
            lie = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "gopher"}
            picture = (CHECKOUT / "static" / "samples" / "cat_face.jpg").read_bytes()
            answer = client.post(f"{nginx.url.replace('localhost', '127.0.0.1')}/api/predict?classifier=cat_dog",
                                 content=picture, headers=lie)  # fmt: skip
    assert answer.status_code == httpx.codes.OK, answer.text
    assert seen == [(address, scheme, f"127.0.0.1:{nginx.port}")]


@needs_nginx
def test_a_dead_web_server_is_passed_over_and_an_upload_is_not_kept(nginx: Nginx, settings: Settings) -> None:
    with served(settings) as (port, _):
        nginx.balance([free_port(), port])
        with nginx.runs(), httpx.Client(verify=nginx.trust(), timeout=60, base_url=nginx.url) as client:
            picture = (CHECKOUT / "static" / "samples" / "cat_face.jpg").read_bytes()
            codes = {client.post("/api/predict?classifier=cat_dog", content=picture).status_code for _ in range(4)}
            codes |= {client.get("/livez").status_code for _ in range(4)}
    assert codes == {200}


@needs_nginx
def test_an_upload_streams_through_nginx(nginx: Nginx) -> None:
    """The web server has the first half of a body before the second is sent, and nginx holds none of it on disk."""
    upstream, arrived = free_port(), threading.Event()
    nginx.balance([upstream])

    def body() -> Iterator[bytes]:
        yield b"a" * 1_000_000
        assert arrived.wait(60), "the first half did not come through"
        assert nginx.body_files() == []
        yield b"b" * 1_000_000

    received = threading.Thread(target=receive, args=(upstream, arrived, listening := threading.Event()))
    received.start()
    assert listening.wait(60)
    with nginx.runs(), httpx.Client(verify=nginx.trust(), timeout=60) as client:
        head = {"Content-Length": "2000000"}
        assert client.post(f"{nginx.url}/api/upload", content=body(), headers=head).status_code == httpx.codes.OK
    received.join()


def receive(port: int, arrived: threading.Event, listening: threading.Event) -> None:
    """Take one request of two megabytes; say when the first has come."""
    with closing(socket.create_server(("127.0.0.1", port))) as server:
        server.settimeout(60)
        listening.set()
        connection, _ = server.accept()
        with closing(connection):
            connection.settimeout(60)
            got = 0
            while got < 2_000_000:
                got += len(connection.recv(65_536))
                if got >= 900_000:
                    arrived.set()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@needs_caddy
def test_caddy_passes_a_request_on_with_who_sent_it(settings: Settings, tmp_path: Path) -> None:
    told = settings.model_copy(update={"trusted_proxies": 1})
    with served(told) as (port, seen):
        tls, plain = free_port(), free_port()
        options = f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttp_port {plain}\n\thttps_port {tls}\n}}\n"
        file = tmp_path / "Caddyfile"
        file.write_text(options + (CHECKOUT / "deploy" / "caddy" / "Caddyfile").read_text())
        env = os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path),
                            "WEB_SERVERS": f"127.0.0.1:{port}"}  # fmt: skip
        assert CADDY is not None
        argv = [CADDY, "run", "--config", str(file), "--adapter", "caddyfile"]
        with (
            program(argv, env, tmp_path / "caddy.log"),
            httpx.Client(
                verify=False,  # noqa: S501 - Caddy makes its own certificate
                timeout=60,
            ) as client,
        ):
            url = f"https://localhost:{tls}"
            wait(lambda: reaches(client, url), "Caddy")
            seen.clear()
            picture = (CHECKOUT / "static" / "samples" / "cat_face.jpg").read_bytes()
            lie = {"X-Forwarded-For": "203.0.113.7"}
            answer = client.post(f"{url}/api/predict?classifier=cat_dog", content=picture, headers=lie)
    assert answer.status_code == httpx.codes.OK, answer.text
    ours = [each for each in seen if each[2] == f"localhost:{tls}"]  # Caddy looks after the server's health, too
    assert {each[1] for each in ours} == {"https"}
    assert {each[0] for each in ours} <= {"127.0.0.1", "::1"}


def reaches(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/livez").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_what_nginx_does_on_one_machine_and_in_compose_is_the_same() -> None:
    folder = CHECKOUT / "deploy" / "nginx"
    for name in ("fovea.conf", "compose.conf"):
        text = (folder / name).read_text()
        assert "include /etc/nginx/fovea/proxy.conf;" in text
        assert "keepalive_timeout 5s;" in text
    (keepalive,) = re.findall(r"^keepalive = (\d+)", (folder.parent / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert int(keepalive) > 5
