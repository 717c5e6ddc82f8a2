"""How evenly are eight connections that come at once spread over two web workers? `python -m benchmarks.connections`.

Gunicorn runs with Fovea's settings and an application that does nothing, in three ways: with `deploy/balance.py`, with
one socket that all workers accept from, and with a socket for each (`reuse_port`), which the kernel chooses by a hash.
The figures are counts, so a busy machine does not change them much.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import psutil

from benchmarks.servers import CHECKOUT, free_port

CONNECTIONS, WORKERS = 8, 2
UNEVEN = 7  # of the connections on one worker: hardly anything is left for the other
START_WITHIN = 30.0
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
PLAIN = "\nfrom gevent.server import StreamServer\nggevent.StreamServer = StreamServer\n"
WAYS = {"deploy/balance.py": "", "one socket": PLAIN, "reuse_port": PLAIN + "reuse_port = True\n"}


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="how often the connections are opened")
    rounds = parser.parse_args().rounds
    print(f"| way | connections on the fuller worker, mean of {rounds} | rounds with {UNEVEN} or 8 on it |")
    print("| --- | ---: | ---: |")
    for name, setting in WAYS.items():
        most = _measure(setting, rounds)
        print(f"| {name} | {mean(most):.1f} | {sum(each >= UNEVEN for each in most)} |", flush=True)


def _measure(setting: str, rounds: int) -> list[int]:
    """How many connections the fuller worker had, for each round."""
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "idle.py").write_text("def app(environ, start):\n    start('200 OK', [])\n    return [b'ok']\n")
        settings = folder / "gunicorn.conf.py"
        settings.write_text((CHECKOUT / "deploy" / "gunicorn.conf.py").read_text() + setting)
        own = {"PORT": str(port), "WEB_CONCURRENCY": str(WORKERS), "DATA_DIR": name, "ACCESS_LOG": "off"}
        argv = [sys.executable, "-m", "gunicorn", "--config", str(settings), "--pythonpath", f"{CHECKOUT},{name}"]
        server = subprocess.Popen([*argv, "idle:app"], env=os.environ | own)
        try:
            _await_answers(port)
            return [_most(server.pid, port) for _ in range(rounds)]
        finally:
            server.terminate()
            server.wait()


def _await_answers(port: int) -> None:
    """Wait until the workers are there, all of them."""
    end = time.monotonic() + START_WITHIN
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.2)
    time.sleep(3)  # the second worker may start later


def _most(pid: int, port: int) -> int:
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for each in opened:
        each.sendall(REQUEST)
    for each in opened:
        each.recv(1000)
    workers = {child.pid for child in psutil.Process(pid).children()}
    held = Counter(
        each.pid
        for each in psutil.net_connections("tcp")
        if each.pid in workers and each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
    )
    for each in opened:
        each.close()
    time.sleep(0.05)
    return max(held.values())


if __name__ == "__main__":
    main()
