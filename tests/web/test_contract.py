from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import work_through
from flask.testing import FlaskClient
from http_checks import CAT, form, pack

from app import create_app
from app.classifiers.card import CARD_NAME
from app.config import CHECKOUT, Settings
from app.drawing import draw
from app.services.operations import readiness
from app.services.wiring import Services

JOB_KEYS = {
    "id", "kind", "classifier", "status", "progress", "history", "errors", "result", "created_at", "started_at",
    "finished_at",
}  # fmt: skip
PROGRESS_KEYS = {"done", "total", "percent", "stage", "eta_seconds"}


def get(client: FlaskClient, url: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(url)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.is_json
    return answer.get_json()


def bulk(client: FlaskClient) -> str:
    files = [("files", "a.zip", pack({"one/a.jpg": CAT, "=b.jpg": CAT})), ("files", "bad.jpg", b"text")]
    answer = client.post("/api/bulk-predict", **form(files, classifier="cat_dog"))
    assert answer.status_code == 202
    body = answer.get_json()
    assert set(body) == {"job_id", "status_url"}
    assert answer.headers["Location"] == body["status_url"] == f"/api/jobs/{body['job_id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    job_id: str = body["job_id"]
    return job_id


def test_a_bulk_prediction_from_its_start_to_its_results(client: FlaskClient, services: Services) -> None:
    job_id = bulk(client)
    waiting = client.get(f"/api/jobs/{job_id}")
    assert set(waiting.get_json()) >= JOB_KEYS
    assert set(waiting.get_json()["progress"]) == PROGRESS_KEYS
    assert (waiting.get_json()["status"], waiting.headers["Retry-After"]) == ("queued", "1")

    work_through(services, job_id)
    done = client.get(f"/api/jobs/{job_id}")
    assert "Retry-After" not in done.headers
    body = done.get_json()
    assert (body["status"], body["progress"]["percent"], body["progress"]["done"]) == ("succeeded", 100.0, 3)
    assert [error["file"] for error in body["errors"]] == ["bad.jpg"]
    assert [job["id"] for job in get(client, "/api/jobs?kind=bulk_predict&status=succeeded")] == [job_id]

    rows = get(client, f"/api/jobs/{job_id}/results")
    assert [row["file"] for row in rows] == ["one/a.jpg", "=b.jpg", "bad.jpg"]
    table = client.get(f"/api/jobs/{job_id}/results?format=csv")
    assert table.mimetype == "text/csv"
    assert "attachment" in table.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(table.get_data(as_text=True))))
    assert [line["file"] for line in lines] == ["one/a.jpg", "'=b.jpg", "bad.jpg"]
    assert [bool(line["error"]) for line in lines] == [False, False, True]
    assert float(lines[0]["probability_cat"]) == pytest.approx(rows[0]["probabilities"]["cat"])


def test_a_job_is_cancelled_and_retried(client: FlaskClient) -> None:
    job_id = bulk(client)
    assert client.post(f"/api/jobs/{job_id}/retry").status_code == 409
    cancelled = client.delete(f"/api/jobs/{job_id}")
    assert (cancelled.status_code, cancelled.get_json()["status"]) == (200, "cancelled")
    assert client.delete(f"/api/jobs/{job_id}").status_code == 409
    again = client.post(f"/api/jobs/{job_id}/retry")
    assert (again.status_code, again.headers["Location"]) == (202, f"/api/jobs/{job_id}")
    assert get(client, f"/api/jobs/{job_id}")["status"] == "queued"


@pytest.mark.parametrize("url", ["/api/upload", "/api/upload-data"])
def test_an_upload_is_reported_and_counted(client: FlaskClient, url: str) -> None:
    archive = pack({"train/dog/1.jpg": draw("dog_face", 1, 96).jpeg(), "notes.txt": b"notes"})
    answer = client.post(url, **form([("files", "cat.1.jpg", CAT), ("files", "a.zip", archive)], classifier="cat_dog"))
    assert answer.status_code == 201
    body = answer.get_json()
    assert set(body) == {"classifier", "accepted", "duplicates", "ignored", "rejected", "kinds", "counts"}
    assert (body["accepted"], body["duplicates"], body["rejected"][0]["file"]) == (2, 0, "notes.txt")
    assert body["counts"] == {"unassigned": {"cat": 1}, "train": {"dog": 1}}
    again = client.post(url, **form([("files", "cat.jpg", CAT)], classifier="cat_dog"))
    assert (again.status_code, again.get_json()["duplicates"]) == (201, 1)
    summary = get(client, "/api/datasets/cat_dog")
    assert (summary["images"], summary["classes"]) == (2, {"cat": 1, "dog": 1})
    assert get(client, "/api/datasets/cat_dog/audit")["clean"]
    assert get(client, "/api/visualizations?classifier=cat_dog")["dataset"]["by_class"] == {"cat": 1, "dog": 1}


def test_a_retraining_is_accepted_as_a_job(client: FlaskClient, services: Services) -> None:
    services.datasets.synth("cat_dog", 20, 1, lambda *_: None)
    for sent in ({"json": {"classifier": "cat_dog", "epochs": 2}}, {"data": {"classifier": "cat_dog", "epochs": "2"}}):
        answer = client.post("/api/retrain", **sent)
        assert answer.status_code == 202
        assert answer.headers["Location"] == answer.get_json()["status_url"]
        job = get(client, answer.headers["Location"])
        assert (job["kind"], job["status"], job["params"]["epochs"]) == ("retrain", "queued", 2)
        assert client.get(f"{answer.headers['Location']}/results").status_code == 409


def test_the_models_and_moving_the_champion(client: FlaskClient, settings: Settings, services: Services) -> None:
    assert {spec["name"]: spec["champion"] for spec in get(client, "/api/classifiers")} == dict.fromkeys(
        services.catalog, 1
    )
    shutil.copytree(CHECKOUT / "models" / "cat_dog" / "1", settings.models_dir / "cat_dog" / "2")
    services.registry.adopt("cat_dog")
    assert [row["version"] for row in get(client, "/api/models?classifier=cat_dog")] == [2, 1]
    assert len(get(client, "/api/models")) == len(services.catalog) + 1

    promoted = client.post("/api/models/cat_dog/2/promote", json={"reason": "A better look."})
    assert promoted.get_json() == {"classifier": "cat_dog", "champion": 2}
    info = get(client, "/api/model-info?classifier=cat_dog")
    assert (info["version"], info["alias_moves"][0]["reason"]) == (2, "A better look.")
    card = get(client, "/api/models/cat_dog/2")
    assert {"classes", "preprocessing", "thresholds", "metrics", "data", "files", "history"} <= set(card)
    assert card["verdict"] is None  # the gate has never seen it
    back = client.post("/api/models/cat_dog/rollback")
    assert back.get_json() == {"classifier": "cat_dog", "champion": 1}
    assert client.post("/api/models/cat_dog/rollback").status_code == 409


def test_a_model_card_can_be_read_under_the_policy_of_the_pages(client: FlaskClient) -> None:
    text = client.get("/api/models/cat_dog/1/card.md")
    assert (text.status_code, text.mimetype) == (200, "text/markdown")
    assert "## Results on the test images" in text.get_data(as_text=True)
    page = client.get("/api/models/cat_dog/1/card.html")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    body = page.get_data(as_text=True)
    assert "style=" not in body
    assert "<style" not in body
    with client.get(body.partition('<link rel="stylesheet" href="')[2].partition('"')[0]) as sheet:
        assert sheet.mimetype == "text/css"
    assert client.get("/api/models/cat_dog/9/card.md").status_code == 404


def test_the_state_of_the_service(client: FlaskClient) -> None:
    assert get(client, "/livez") == {"status": "ok"}
    assert get(client, "/readyz") == {"status": "ok", "checks": {"database": "ok", "models": "ok"}}
    health = get(client, "/api/health")
    assert (health["status"], health["queue"], health["workers"]) == ("ok", "down", 0)
    status = get(client, "/api/status")
    assert {"champions", "jobs", "queue", "host", "uptime_seconds"} <= set(status)
    assert status["jobs"] == {"queued": 0, "running": 0}
    assert set(status["performance"]) == set(status["champions"])
    glaucoma = get(client, "/api/status?classifier=glaucoma")
    assert (glaucoma["model_version"], glaucoma["test_images"], glaucoma["of"]) == (1, 90, "glaucoma")
    for found in (status, glaucoma):
        for name in ("accuracy", "precision", "recall", "f1"):
            low, high = found["intervals"][name]
            assert 0 <= low <= found[name] <= high <= 1, name
            assert low < high, name  # a perfect figure on few images is not certain
    host = get(client, "/api/statistics")["host"]
    assert host["memory_total_bytes"] > host["process_memory_bytes"] > 0
    assert 0 <= host["disk_percent"] <= 100


def test_a_damaged_model_is_not_ready_and_says_why(client: FlaskClient, settings: Settings) -> None:
    for path in (settings.models_dir / "cataract" / "1").glob("*.onnx"):  # whichever of them serves
        path.write_bytes(b"damaged")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["status"]) == (503, "unavailable")
    assert "cataract: " in answer.get_json()["checks"]["models"]
    refused = client.post("/api/predict?classifier=cataract", data=CAT)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert client.post("/api/predict?classifier=cat_dog", data=CAT).status_code == 200


def test_a_full_disk_is_not_ready(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "RESERVE", 2**62)  # as if so much had to be free
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "MB are free" in answer.get_json()["checks"]["disk"]


def test_a_broken_database_is_told_to_the_log_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = "postgresql+psycopg://fovea:hush@127.0.0.1:1/base"
    with create_app(Settings(data_dir=tmp_path, database_url=url)).test_client() as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["database"] == "It cannot be used now."
    assert "127.0.0.1" in caplog.text


def test_each_answer_and_job_names_its_request(client: FlaskClient) -> None:
    named = client.get("/livez", headers={"X-Request-ID": "trace-1.a_B"}).headers["X-Request-ID"]
    assert named == "trace-1.a_B"
    for wrong in ("", "x" * 65, "a b", "a\x1b[31m", "é"):
        given = client.get("/livez", headers={"X-Request-ID": wrong}).headers["X-Request-ID"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)
    files = form([("files", "cat.jpg", CAT)], classifier="cat_dog")
    accepted = client.post("/api/bulk-predict", **files, headers={"X-Request-ID": "night-run"})
    assert get(client, accepted.headers["Location"])["request_id"] == "night-run"


def test_clients_of_older_services_find_their_names(client: FlaskClient) -> None:
    answer = client.post("/predict?classifier=diabetic_retinopathy", data=CAT).get_json()
    assert (answer["label"], answer["probability"]) == (answer["prediction"], answer["confidence"])


def ask(client: FlaskClient, subject: str, seeds: Iterable[int], side: int = 320) -> None:
    for seed in seeds:
        assert client.post("/api/predict?classifier=cat_dog", data=draw(subject, seed, side).jpeg()).status_code == 200


def test_drift_is_told_once_there_are_answers_for_enough_different_images(client: FlaskClient) -> None:
    drift = get(client, "/api/drift/cat_dog")
    assert (drift["verdict"], drift["predictions"], drift["needed"]) == ("too_few", 0, 30)
    ask(client, "fundus_normal", [*range(29), 0, 0], 64)
    drift = get(client, "/api/drift/cat_dog")
    assert (drift["verdict"], drift["predictions"]) == ("too_few", 31)  # the same image again says nothing new
    ask(client, "fundus_normal", [29], 64)
    drift = get(client, "/api/drift/cat_dog")
    assert (drift["predictions"], drift["images"], drift["verdict"]) == (32, 30, "drifted")
    assert drift["not_measured"] == []
    for measure in drift["measures"].values():
        assert len(measure["share"]) == len(measure["reference_share"]) == len(measure["edges"]) - 1
        assert sum(measure["share"]) == pytest.approx(1, abs=1e-3)
        assert (measure["psi"] > measure["limit"]) == (measure["verdict"] != "stable")


def test_new_images_of_the_models_own_kind_are_no_drift(client: FlaskClient) -> None:
    for subject in ("cat_face", "dog_face"):
        ask(client, subject, range(7_000_000, 7_000_015))
    drift = get(client, "/api/drift/cat_dog")
    assert (drift["images"], drift["verdict"]) == (30, "stable")
    assert {"confidence", "brightness", "predicted_class", "novelty"} <= set(drift["measures"])


def test_of_an_older_card_is_measured_what_it_knows(client: FlaskClient, settings: Settings) -> None:
    path = settings.models_dir / "cat_dog" / "1" / CARD_NAME
    card = json.loads(path.read_text())
    card["reference"]["histograms"]["gone"] = {"edges": [2.0, 3.0], "share": [1.0]}
    del card["metrics"]["confusion_matrix"], card["reference"]["sizes"], card["reference"]["classes"]
    path.write_text(json.dumps(card))
    ask(client, "cat_face", range(30), 64)
    drift = get(client, "/api/drift/cat_dog")
    assert "gone" not in drift["measures"]
    assert {"confidence", "brightness"} <= set(drift["measures"])
    assert drift["not_measured"] == ["predicted_class"]


def test_a_card_without_a_reference_cries_no_drift(client: FlaskClient, settings: Settings) -> None:
    path = settings.models_dir / "cat_dog" / "1" / CARD_NAME
    card = json.loads(path.read_text())
    card["reference"]["histograms"], card["data"]["counts"] = {}, {}
    del card["metrics"]["confusion_matrix"], card["reference"]["sizes"], card["reference"]["classes"]
    path.write_text(json.dumps(card))
    ask(client, "cat_face", range(30), 64)
    drift = get(client, "/api/drift/cat_dog")
    assert (drift["verdict"], drift["measures"]) == ("no_reference", {})
    assert "train it again" in drift["advice"]


def test_requests_are_counted_for_prometheus(client: FlaskClient) -> None:
    client.get("/livez")
    answer = client.get("/metrics")
    assert answer.mimetype == "text/plain"
    lines = answer.get_data(as_text=True).splitlines()
    counted = [line for line in lines if line.startswith("fovea_requests_total") and 'endpoint="state.livez"' in line]
    assert counted
    assert float(counted[0].rpartition(" ")[2]) >= 1


def test_answers_carry_the_headers_that_protect_pages(client: FlaskClient) -> None:
    for url in ("/livez", "/api/nothing"):
        headers = client.get(url).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
