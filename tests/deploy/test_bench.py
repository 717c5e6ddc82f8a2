"""The comparison with peers outlives a peer that does not start or does not answer."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks import drawings, serving
from benchmarks.drawings import WIDTHS
from benchmarks.servers import Server, free_port

# Says that it is ready, and then keeps every prediction waiting.
SILENT = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        time.sleep(3600)
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def turn(server: Server, folder: Path, loads: serving.Loads) -> list[str]:
    return serving.take_turn(server, folder, 1, loads)


def test_a_server_that_does_not_start_is_reported(tmp_path: Path) -> None:
    loads: serving.Loads = defaultdict(list)
    (sentence,) = turn(Server("Nobody", free_port(), (sys.executable, "-c", "raise SystemExit(1)")), tmp_path, loads)
    assert sentence.startswith("Nobody did not start; run it by hand")
    assert not loads


def test_a_server_that_answers_nothing_is_reported_and_the_table_goes_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("No wrk is installed here.")
    monkeypatch.setattr(serving, "WARM_UP_SECONDS", 1)
    monkeypatch.setattr(serving, "SLOW_WARM_UP_SECONDS", 2)
    drawings.write(tmp_path / str(WIDTHS[0]), 64)
    port = free_port()
    loads: serving.Loads = defaultdict(list)
    failed = turn(Server("Silent", port, (sys.executable, "-c", SILENT, str(port))), tmp_path, loads)
    assert failed == ["Silent answered nothing within 2 seconds."]
    serving.report(loads, {width: [1.0] for width in WIDTHS}, failed)
    printed = capsys.readouterr().out
    assert "Not measured in 1 turns: Silent answered nothing within 2 seconds." in printed
    assert "| Silent |" not in printed
