"""The path that matters, on real parts: gunicorn, Redis, Celery's worker processes, SQLite."""

from __future__ import annotations

import csv
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psutil
import pytest
from conftest import Stack
from hammering import hammering, served_versions
from http_checks import CAT, pack
from redis import Redis

from app.config import Settings
from app.drawing import draw
from app.services.jobs.queues import QUEUES

LIMIT = 250 * 2**20
PATIENCE = 180  # seconds for a job, on a busy machine
NAME = "cat_dog"
Json = dict[str, Any]


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


def pets(count: int, first_seed: int, size: int = 128) -> dict[str, bytes]:
    return {
        f"{kind}.{seed}.jpg": draw(f"{kind}_face", seed, size).jpeg()
        for seed in range(first_seed, first_seed + count)
        for kind in ("cat", "dog")
    }


def wait_for(http: httpx.Client, url: str, condition: Callable[[Json], bool]) -> tuple[Json, list[Json]]:
    """Poll a job until the condition holds; return it and every different state seen before."""
    seen: list[Json] = []
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = http.get(url)
        assert answer.status_code == 200
        job: Json = answer.json()
        if not seen or job != seen[-1]:
            seen.append(job)
        if condition(job):
            return job, seen
        time.sleep(0.2)
    return pytest.fail(f"The job did not come so far: {seen[-1]}")


def has_ended(job: Json) -> bool:
    return job["status"] not in ("queued", "running")


def processes(stack: Stack, *words: str) -> list[psutil.Process]:
    """Return the processes of this stack whose command holds the words."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if set(words) <= set(process.info["cmdline"] or ()):
            try:
                if process.environ().get("DATA_DIR") == str(stack.data_dir):
                    found.append(process)
            except psutil.Error:
                continue
    return found


def test_a_bulk_job_runs_to_its_end_in_a_worker(http: httpx.Client) -> None:
    files = {"files": ("pets.zip", pack(pets(6, 100) | {"bad.jpg": b"text"}))}
    accepted = http.post("/api/bulk-predict", files=files, data={"classifier": NAME})
    assert accepted.status_code == 202
    job, _ = wait_for(http, accepted.headers["Location"], has_ended)
    assert (job["status"], job["progress"]["done"], job["result"]["failed"]) == ("succeeded", 13, 1)
    table = http.get(job["result"]["results_url"], params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert len(rows) == 13
    assert [row["file"] for row in rows if row["error"]] == ["bad.jpg"]


def test_a_bulk_job_survives_the_death_of_its_worker(http: httpx.Client, stack: Stack) -> None:
    files = {"files": ("pets.zip", pack(pets(100, 1000, 64)))}
    url = http.post("/api/bulk-predict", files=files, data={"classifier": NAME}).headers["Location"]
    wait_for(http, url, lambda job: job["progress"]["done"] > 0)
    for process in processes(stack, "worker", "batch"):
        process.kill()
    job, _ = wait_for(http, url, has_ended)
    assert (job["status"], job["progress"]["done"]) == ("succeeded", 200)
    rows = http.get(f"{url}/results").json()
    assert len({row["id"] for row in rows}) == len({row["file"] for row in rows}) == 200
    assert sum(job["result"]["classes"].values()) == 200


def test_a_large_upload_is_a_job_whose_result_is_the_answer_of_a_call_that_waits(
    http: httpx.Client, stack: Stack
) -> None:
    drawn = {
        f"{name}/{n}.jpg": draw(f"eye_{name}", n, 256).jpeg() for name in ("cataract", "normal") for n in range(50)
    }
    files = {"files": ("eyes.zip", pack(drawn | {"cataract/bad.jpg": b"text"}))}
    accepted = http.post(
        "/api/upload-data", files=files, data={"classifier": "cataract"}, headers={"Prefer": "wait=5, Respond-Async"}
    )
    assert (accepted.status_code, accepted.headers["Preference-Applied"]) == (202, "respond-async")
    assert accepted.headers["Location"] == accepted.json()["status_url"]
    url = accepted.headers["Location"]
    wait_for(http, url, lambda job: job["progress"]["done"] > 0)
    for process in processes(stack, "worker", "batch"):
        process.kill()
    job, seen = wait_for(http, url, has_ended)
    assert job["status"] == "succeeded", job["errors"]
    percents = [state["progress"]["percent"] for state in seen]
    assert percents == sorted(percents)
    assert (job["progress"]["done"], job["progress"]["total"], percents[-1]) == (101, 101, 100.0)
    waited = http.post("/api/upload", files=files, data={"classifier": "eye_diseases"})
    assert waited.status_code == 201
    assert "Preference-Applied" not in waited.headers
    same = ("accepted", "duplicates", "rejected", "kinds")  # other tests may have filled the datasets before
    assert [job["result"][name] for name in same] == [waited.json()[name] for name in same]
    assert job["result"].keys() == waited.json().keys()


def test_jobs_wait_while_redis_stands_still_and_predictions_do_not(http: httpx.Client, stack: Stack) -> None:
    with Redis.from_url(Settings(data_dir=stack.data_dir).redis) as client:
        redis = psutil.Process(client.info("server")["process_id"])
    redis.suspend()
    try:
        with hammering(stack.url, NAME) as answers:
            accepted = http.post("/api/bulk-predict", files={"files": ("cat.jpg", CAT)}, data={"classifier": NAME})
            assert accepted.status_code == 202
            job = http.get(accepted.headers["Location"]).json()
            assert (job["status"], job["progress"]["stage"]) == ("queued", "waiting")
    finally:
        redis.resume()
    assert set(answers.statuses) == {200}
    job, _ = wait_for(http, accepted.headers["Location"], has_ended)
    assert (job["status"], job["progress"]["done"]) == ("succeeded", 1)


def test_new_images_become_a_version_that_serves_without_a_failed_request(http: httpx.Client, stack: Stack) -> None:
    files = {"files": ("pets.zip", pack(pets(40, 2000)))}
    assert http.post("/api/upload", files=files, data={"classifier": NAME}).json()["accepted"] == 80
    with hammering(stack.url, NAME) as answers:
        accepted = http.post("/api/retrain", json={"classifier": NAME, "epochs": 3})
        assert accepted.status_code == 202
        job, seen = wait_for(http, accepted.headers["Location"], has_ended)
        assert job["status"] == "succeeded", job["errors"]
        result = job["result"]
        if not result["promoted"]:  # the verdict is the gate's, and then a person's
            assert served_versions(stack.url, NAME) == {1}
            http.post(f"/api/models/{NAME}/{result['model_version']}/promote", json={"reason": "A test."})
        time.sleep(2)
        assert served_versions(stack.url, NAME) == {result["model_version"]}
    assert set(answers.statuses) == {200}
    assert set(answers.versions) == {1, result["model_version"]}
    check_progress(job, seen)
    check_verdict(http, result)
    back = http.post(f"/api/models/{NAME}/rollback").json()
    assert back["champion"] == 1
    time.sleep(2)
    assert served_versions(stack.url, NAME) == {1}


def check_progress(job: Json, seen: list[Json]) -> None:
    """The bar only grew, the stages came in order, and there is a record for each epoch."""
    percents = [state["progress"]["percent"] for state in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    stages = list(dict.fromkeys(state["progress"]["stage"] for state in seen))
    order = [
        "waiting", "starting", "looking", "searching copies", "comparing images", "fetching images", "reading images",
        "loading", "training", "exporting", "quantizing", "calibrating", "evaluating", "comparing", "done",
    ]  # fmt: skip
    assert stages == [stage for stage in order if stage in stages]
    assert {"training", "done"} <= set(stages)
    assert [record["epoch"] for record in job["history"]] == list(range(1, len(job["history"]) + 1))
    assert 1 <= len(job["history"]) <= 3
    assert {"loss", "val_loss"} <= set(job["history"][0])


def check_verdict(http: httpx.Client, result: Json) -> None:
    """Both were measured on the same test images, and the verdict follows from the figures."""
    version = http.get("/api/models", params={"classifier": NAME}).json()[0]
    figures = version["verdict"]["figures"]
    assert version["version"] == result["model_version"]
    assert figures["images"] == result["metrics"]["n"]
    low, high = figures["interval"]
    assert low <= figures["challenger"] - figures["champion"] <= high
    assert figures["demonstration"]  # the champion learned from drawings, and these images were uploaded
    certain = high >= 0
    assert certain if result["promoted"] else (result["undecided"] or high < 0)


def test_a_running_retraining_stops_when_it_is_cancelled(http: httpx.Client) -> None:
    http.post("/api/upload", files={"files": ("pets.zip", pack(pets(40, 3000)))}, data={"classifier": NAME})
    versions = http.get("/api/models", params={"classifier": NAME}).json()
    url = http.post("/api/retrain", json={"classifier": NAME, "epochs": 500}).headers["Location"]
    wait_for(http, url, lambda job: job["progress"]["stage"] == "training")
    assert http.delete(url).json()["cancel_requested"]
    job, _ = wait_for(http, url, has_ended)
    assert (job["status"], job["result"]) == ("cancelled", None)
    assert http.get("/api/models", params={"classifier": NAME}).json() == versions


def test_the_state_shows_the_workers_and_the_queue(http: httpx.Client) -> None:
    end = time.monotonic() + PATIENCE
    while (health := http.get("/api/health").json())["workers"] < len(QUEUES):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert health["queue"] == "ok"
    state = http.get("/api/status").json()["queue"]
    assert {worker["queue"] for worker in state["workers"]} == set(QUEUES)


def test_clients_that_only_hold_the_line_keep_nobody_waiting(http: httpx.Client, stack: Stack) -> None:
    host, _, port = stack.url.removeprefix("http://").partition(":")
    half = b"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf of it"
    with ExitStack() as lines:
        for sent in (b"", half) * 20:
            line = lines.enter_context(socket.create_connection((host, int(port))))
            line.sendall(sent)
        for _ in range(4):
            assert http.post("/api/predict", params={"classifier": NAME}, content=CAT).status_code == 200


@pytest.mark.parametrize("megabytes", [17, 40])
def test_an_upload_that_is_too_large_gets_its_answer(http: httpx.Client, megabytes: int) -> None:
    content = CAT + bytes(megabytes * 1_000_000)
    for sent in ({"content": content}, {"files": {"file": ("big.jpg", content)}}):
        answer = http.post("/api/predict", **sent)
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
        assert "limit of 16 MB" in answer.json()["detail"]


def test_the_web_workers_stay_small_and_without_tensorflow(http: httpx.Client, stack: Stack) -> None:
    names = [spec["name"] for spec in http.get("/api/classifiers").json()]
    for name in names * 4:
        answer = httpx.post(f"{stack.url}/api/predict?classifier={name}&explain=1", content=CAT, timeout=30)
        assert answer.status_code == 200
    web = processes(stack, "gunicorn")
    workers = [process for process in web if process.parent() in web]
    assert len(workers) == 2
    for worker in workers:
        assert worker.memory_info().rss < LIMIT
        assert not any("tensorflow" in mapped.path or "keras" in mapped.path for mapped in worker.memory_maps())


@pytest.mark.parametrize(
    ("request_line", "status"), [(b"GET /" + b"x" * 5000 + b" HTTP/1.1", 414), (b"no request at all", 400)]
)
def test_what_never_reaches_the_application_is_answered_with_a_problem(
    http: httpx.Client, request_line: bytes, status: int
) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=PATIENCE) as wire:
        wire.sendall(request_line + b"\r\n\r\n")
        head, _, body = wire.makefile("rb").read().partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.splitlines()[0]
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
