from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from http_checks import CAT, problem
from sqlalchemy import text

from app.store.db import db


def test_an_error_of_ours_is_a_problem_that_tells_no_secret(client: FlaskClient) -> None:
    db.session.execute(text("DROP TABLE jobs"))
    db.session.commit()
    sentence = problem(client.get("/api/jobs"), 500)
    assert "its log says more" in sentence
    assert "jobs" not in sentence


def test_a_full_disk_is_told_from_an_error_of_ours(client: FlaskClient) -> None:
    size = db.session.scalar(text("PRAGMA page_count"))
    db.session.execute(text(f"PRAGMA max_page_count = {size}"))  # SQLite's own way to be full
    answers = [client.post("/api/predict?classifier=cat_dog", data=CAT) for _ in range(50)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert "disk of the service is full" in problem(refused[0], 503)
    assert refused[0].headers["Retry-After"] == "2"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full.")
def test_a_file_that_finds_no_room_is_told_from_an_error_of_ours(app: Flask) -> None:
    app.add_url_rule("/full", view_func=lambda: str(Path("/dev/full").write_bytes(b"x")))
    assert "disk of the service is full" in problem(app.test_client().get("/full"), 503)
