"""The topology of docs/deployment.md from native processes, on loopback: nginx with TLS, web servers, workers, stores.

nginx and PostgreSQL are the system's (Debian: `apt install nginx-light postgresql`), Redis is the one that Fovea
brings. nginx runs with the settings in deploy/nginx; only addresses and paths are changed.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from app.supervisor.checks import find_redis_server
from benchmarks.servers import CHECKOUT, Failed, free_port

SETTINGS = CHECKOUT / "deploy" / "nginx"
PATIENCE = 120.0  # seconds for anything to start
NOBODY = 65534  # PostgreSQL refuses to run as root
MAIN = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/fovea.conf;
}}
"""


def find_nginx() -> str | None:
    """Return nginx' path; Debian keeps it where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def make_certificate(folder: Path) -> None:
    """Write fovea.crt and fovea.key, which sign themselves for localhost."""
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-keyout", str(folder / "fovea.key"), "-out", str(folder / "fovea.crt"))
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")
    subprocess.run(["openssl", "req", "-x509", *kind, *names, *files], check=True, capture_output=True)


class Nginx:
    """An nginx of its own in a folder of its own, with the settings of deploy/nginx."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self._program = find_nginx() or "nginx"
        self._plain = free_port()  # answers with a redirection to the port with TLS
        make_certificate(folder)
        shutil.copy(SETTINGS / "proxy.conf", folder)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))

    @property
    def url(self) -> str:
        """The address with TLS."""
        return f"https://localhost:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """Return what a client needs to accept the certificate."""
        return ssl.create_default_context(cafile=self._folder / "fovea.crt")

    def balance(self, ports: Sequence[int]) -> None:
        """Write the settings for web servers on these ports."""
        text = (SETTINGS / "fovea.conf").read_text()
        servers = "".join(f"    server 127.0.0.1:{port} max_fails=2 fail_timeout=5s;\n" for port in ports)
        text = re.sub(r"(    server 127\.0\.0\.1:\d+ [^\n]*\n)+", servers, text)
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{self.port} ").replace(
            "listen 80;", f"listen 127.0.0.1:{self._plain};"
        )
        text = text.replace("/etc/nginx/tls/", f"{self._folder}/").replace("/etc/nginx/fovea/", f"{self._folder}/")
        (self._folder / "fovea.conf").write_text(text)

    def check(self) -> subprocess.CompletedProcess[str]:
        """Let nginx judge the settings."""
        return subprocess.run([*self._argv(), "-t"], capture_output=True, text=True, check=False)

    @contextmanager
    def runs(self) -> Iterator[None]:
        """Run it for as long as the block takes."""
        with program(self._argv(), os.environ, self._folder / "nginx.log"):
            wait((self._folder / "nginx.pid").exists, "nginx")
            yield

    def reload(self) -> None:
        """Take the settings as they are now; requests under way end with the old ones."""
        subprocess.run([*self._argv(), "-s", "reload"], check=True, capture_output=True)

    def body_files(self) -> list[Path]:
        """Return the files in which nginx holds bodies of requests."""
        return [path for path in (self._folder / "body").rglob("*") if path.is_file()]

    def _argv(self) -> list[str]:
        return [self._program, "-p", str(self._folder), "-e", "error.log", "-c", str(self._folder / "nginx.conf")]


@contextmanager
def program(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block takes; what it prints goes to the log."""
    with log.open("ab") as output:
        # In a session of its own: a worker lowers the priority of its whole session.
        process = subprocess.Popen(
            argv, cwd=CHECKOUT, env=dict(env), stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own; give its DATABASE_URL. Failed without initdb on PATH."""
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    if found is None:
        raise Failed("PostgreSQL is missing: install it (Debian: apt install postgresql).")
    programs, port, user = Path(found).resolve().parent, free_port(), NOBODY if os.geteuid() == 0 else None
    folder.mkdir()
    if user:
        os.chown(folder, user, user)
    make = (programs / "initdb", "-D", folder / "data", "--username=fovea", "--auth=trust", "--no-sync")
    subprocess.run([*make, "--encoding=UTF8", "--locale=C"], user=user, cwd=folder, check=True, capture_output=True)
    place = ("-h", "127.0.0.1", "-p", str(port), "-k", str(folder))
    with (folder.parent / "postgres.log").open("ab") as log:
        server = [str(programs / "postgres"), "-D", str(folder / "data"), *place]
        process = subprocess.Popen(server, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        yield f"postgresql://fovea@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(2)  # "fast" in PostgreSQL's words
        process.wait(30)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis of its own; give its REDIS_URL."""
    port = free_port()
    argv = [find_redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with program(argv, os.environ, folder / "redis.log"):
        yield f"redis://127.0.0.1:{port}/0"


def wait(condition: Callable[[], bool], name: str) -> None:
    """Wait until the condition holds; Failed when it takes too long."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{name} did not start within {PATIENCE:.0f} seconds.")
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Tell whether a web server can predict."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


class Site:
    """Everything that runs: `web` are the web servers' processes by their ports, and nginx stands before them."""

    def __init__(self, folder: Path, env: Mapping[str, str], running: ExitStack) -> None:
        self.nginx, self.folder = Nginx(folder), folder
        self.web: dict[int, subprocess.Popen[bytes]] = {}
        self._env, self._running = env, running

    def start_web(self) -> int:
        """Start a web server, whose log says who called; return its port."""
        port = free_port()
        own = {"PORT": str(port), "WEB_CONCURRENCY": "1"}
        argv = [sys.executable, "-m", "deploy.start", sys.executable, "-m", "gunicorn", "--config",
                "deploy/gunicorn.conf.py", "wsgi:app"]  # fmt: skip
        started = program(argv, {**self._env, **own}, self.folder / "web.log")
        self.web[port] = self._running.enter_context(started)
        wait(lambda: answers(port), "A web server")
        return port

    def start_worker(self, queue: str, *options: str) -> None:
        """Start a worker of a queue."""
        argv = [sys.executable, "-m", "deploy.start", sys.executable, "-m", "celery", "--quiet", "-A",
                "worker.celery_app", "worker", "-Q", queue, "-n", f"{queue}@%h", *options]  # fmt: skip
        self._running.enter_context(program(argv, self._env, self.folder / "workers.log"))


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Run stores, workers and two web servers behind nginx; they share the folder for data, as on one machine."""
    with ExitStack() as running:
        env = os.environ | {
            "DATABASE_URL": running.enter_context(postgres(folder / "postgres")),
            "REDIS_URL": running.enter_context(redis(folder)),
            "SECRET_KEY": "the same everywhere", "TRUSTED_PROXIES": "1", "OMP_NUM_THREADS": "1",
            "DATA_DIR": str(folder / "data"), "ANSWER_CACHE": "off",  # the load repeats its images
        }  # fmt: skip
        made = Site(folder, env, running)
        ports = [made.start_web(), made.start_web()]
        made.start_worker("batch", "-P", "prefork", "-c", "1")
        made.start_worker("training", "-P", "prefork", "-c", "1", "--max-tasks-per-child", "1")
        made.start_worker("system", "-P", "solo")
        made.nginx.balance(ports)
        running.enter_context(made.nginx.runs())
        yield made
