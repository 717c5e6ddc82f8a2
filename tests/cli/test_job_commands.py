from __future__ import annotations

import json
from pathlib import Path
from threading import Thread

import pytest
from conftest import work_through
from flask import Flask
from test_commands import flask, refused

from app.drawing import draw
from app.services.wiring import Services


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pets"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "cat.jpg").write_bytes(draw("cat_face", 1, 96).jpeg())
    (made / "text.jpg").write_bytes(b"text")
    (made / "deep" / "Thumbs.db").write_bytes(b"thumbnails")
    return made


def test_a_folder_is_submitted_followed_and_its_results_written(
    app: Flask, services: Services, folder: Path, tmp_path: Path
) -> None:
    submitted = flask(app, "jobs", "submit", "cat_dog", folder, "--key", "k")
    job_id = submitted.stdout.strip()
    assert "System files ignored: 1." in submitted.stderr
    assert f"{job_id} bulk_predict cat_dog" in flask(app, "jobs", "list", "--status", "queued").stdout
    assert flask(app, "jobs", "submit", "cat_dog", folder, "--key", "k").stdout.strip() == job_id
    assert "0 of 2 images" in flask(app, "jobs", "show", job_id).stdout

    def work() -> None:
        with app.app_context():
            work_through(services, job_id)

    worker = Thread(target=work)
    worker.start()
    output = tmp_path / "found.jsonl"
    followed = flask(app, "jobs", "submit", "cat_dog", folder, "--key", "k", "--output", output)
    worker.join()
    assert followed.exit_code == 0, followed.output
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["file"], row["error"] is None) for row in rows] == [("deep/cat.jpg", True), ("text.jpg", False)]
    shown = flask(app, "jobs", "show", job_id).stdout
    assert "succeeded  All 2 images have their answer." in shown
    assert "text.jpg: This is not an image that Fovea reads" in shown
    table = tmp_path / "found.parquet"
    assert flask(app, "jobs", "results", job_id, "--output", table).exit_code == 0
    assert table.read_bytes().startswith(b"PAR1")


def test_a_job_is_cancelled_and_retried(app: Flask, folder: Path) -> None:
    job_id = flask(app, "jobs", "submit", "cat_dog", folder).stdout.strip()
    assert " cancelled" in flask(app, "jobs", "cancel", job_id).stdout
    assert "has already ended" in refused(app, "jobs", "cancel", job_id)
    assert " queued, waiting" in flask(app, "jobs", "retry", job_id).stdout
    assert "no job 'x'" in refused(app, "jobs", "show", "x")
    assert "There is no folder" in refused(app, "jobs", "submit", "cat_dog", folder / "nowhere")
    ended = flask(app, "jobs", "results", job_id, "--output", folder / "table.xls")
    assert (ended.exit_code, "must end in one of" in ended.stderr) == (2, True)
