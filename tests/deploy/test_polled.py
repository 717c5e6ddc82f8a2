"""The benchmark of the calls that the dashboard repeats runs; and each of them finds its rows by an index."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.services.wiring import Services
from app.store.db import db
from app.store.tables import Prediction
from benchmarks import polled


def test_it_times_every_call_and_the_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks.polled", "--predictions", "300", "--images", "40", "--rounds", "1"])
    polled.main()
    printed = capsys.readouterr().out
    assert all(f"| {call} |" in printed for call in polled.CALLS)
    assert "| without these indexes |" in printed


def test_no_polled_call_reads_the_whole_log(app: Flask, client: FlaskClient, services: Services) -> None:
    polled._fill(Prediction, polled._predictions(services, 300))  # noqa: SLF001 - the benchmark's rows
    services.history.count()
    assert app
    asked: list[tuple[str, Any]] = []
    listen = (db.engine, "before_cursor_execute")

    def note(_connection: object, _cursor: object, statement: str, given: tuple[Any, ...], *_: object) -> None:
        if statement.lstrip().startswith("SELECT") and "predictions" in statement:
            asked.append((statement, given))

    event.listen(*listen, note)
    try:
        for call in polled.CALLS:
            assert client.get(call).status_code == 200
    finally:
        event.remove(*listen, note)
    assert asked
    for statement, given in asked:
        with db.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
        assert not [row[3] for row in plan if row[3] == "SCAN predictions"], statement
