"""A classifier comes and goes on a running product: web processes, workers and commands see it without a restart."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
from conftest import Stack
from http_checks import pack

from app.config import CHECKOUT
from app.drawing import draw

NAME = "vine"
VISIBLE = 2.0  # seconds until every process knows
PATIENCE = 300  # seconds for a training, on a busy machine

pytestmark = pytest.mark.timeout(600)


def images(count: int) -> dict[str, bytes]:
    """Draw images of two classes, in folders."""
    return {
        f"vines/{folder}/{seed}.jpg": draw(subject, seed, 96).jpeg()
        for folder, subject in (("Healthy", "cat_face"), ("With mildew", "dog_face"))
        for seed in range(count)
    }


def answers(stack: Stack, expected: int) -> None:
    """Whichever process answers, all do so in time: each connection may lead to another one."""
    time.sleep(VISIBLE)
    for _ in range(20):
        assert httpx.get(f"{stack.url}/api/datasets/{NAME}", timeout=30).status_code == expected


def finished(stack: Stack, url: str) -> Any:  # noqa: ANN401 - JSON
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        job = httpx.get(f"{stack.url}{url}", timeout=30).json()
        if job["status"] not in ("queued", "running"):
            return job
        time.sleep(0.5)
    return pytest.fail(f"The job did not end: {job}")


def test_a_classifier_is_made_trained_and_deleted_without_a_restart(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        files = {"files": ("vines.zip", pack(images(24)))}
        made = http.post("/api/classifiers", files=files, data={"name": NAME, "title": "Vine leaves"})
        assert made.status_code == 201, made.text
        assert made.json()["dataset"]["accepted"] == 48
        answers(stack, 200)
        listed = subprocess.run(
            [sys.executable, "-m", "flask", "classifiers", "list"],
            cwd=CHECKOUT, env=stack.env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"{NAME} " in listed.stdout

        job = finished(stack, http.post("/api/retrain", json={"classifier": NAME, "epochs": 2}).headers["Location"])
        assert job["status"] == "succeeded", job["errors"]
        assert job["result"]["promoted"]
        content = images(1)["vines/Healthy/0.jpg"]
        answer = http.post("/api/predict", params={"classifier": NAME}, content=content)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()["probabilities"]) == {"healthy", "with_mildew"}
        bulk = {"files": ("vines.zip", pack(images(3)))}
        sent = http.post("/api/bulk-predict", files=bulk, data={"classifier": NAME})  # the batch workers know it, too
        assert finished(stack, sent.headers["Location"])["result"]["images"] == 6

        gone = http.delete(f"/api/classifiers/{NAME}", params={"confirm": NAME})
        assert gone.status_code == 200, gone.text
        assert gone.json()["deleted"] == {"images": 48, "predictions": 7, "jobs": 2, "versions": 1}
        answers(stack, 404)
        assert http.get("/api/statistics").json()["by_classifier"].get(NAME) is None
