"""Models exchanged in a real gunicorn with two workers, while it is asked all the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from bundle_copies import add_version, contradict, damage
from conftest import Stack
from hammering import hammering, served_versions

from app.drawing import draw

NAME = "cataract"
CLIENTS = 2
PATIENCE = 60  # seconds, on a busy machine


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    """A client of a stack that has versions 2 (as 1), 3 (damaged) and 4 (contradicting 1) too."""
    models = stack.data_dir / "models"
    add_version(models, NAME, 2)
    damage(add_version(models, NAME, 3))
    contradict(models, NAME, 4)
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


@pytest.fixture(autouse=True)
def first_version(http: httpx.Client, stack: Stack) -> Iterator[None]:
    yield
    http.post(f"/api/models/{NAME}/1/promote", json={"reason": "The test is over."})
    until(lambda: served_versions(stack.url, NAME) == {1})


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def readiness(http: httpx.Client) -> list[dict[str, Any]]:
    """Return what /readyz says, asked often enough to meet every worker; it is never that requests must stay away."""
    answers = [http.get("/readyz", headers={"Connection": "close"}) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


def comparison(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get(f"/api/models/{NAME}/challenger").json()
    return found


def test_swapping_and_rolling_back_under_load_fails_no_request(http: httpx.Client, stack: Stack) -> None:
    with hammering(stack.url, NAME, CLIENTS) as answers:
        until(lambda: served_versions(stack.url, NAME) == {1})
        assert http.post(f"/api/models/{NAME}/2/promote").json()["champion"] == 2
        until(lambda: served_versions(stack.url, NAME) == {2})
        assert http.post(f"/api/models/{NAME}/rollback").json()["champion"] == 1
        until(lambda: served_versions(stack.url, NAME) == {1})
    assert set(answers.statuses) == {200}
    assert set(answers.versions) == {1, 2}


def test_a_damaged_model_never_answers_and_never_keeps_the_old_one_from_it(http: httpx.Client, stack: Stack) -> None:
    with hammering(stack.url, NAME, CLIENTS) as answers:
        http.post(f"/api/models/{NAME}/3/promote")
        until(lambda: {found["status"] for found in readiness(http)} == {"degraded"})
        for found in readiness(http):
            assert "Version 3 cannot be used: " in found["checks"]["models"]
            assert "Version 1 goes on answering." in found["checks"]["models"]
        assert http.post(f"/api/models/{NAME}/rollback").json()["champion"] == 1
        until(lambda: {found["status"] for found in readiness(http)} == {"ok"})
    assert set(answers.statuses) == {200}
    assert set(answers.versions) == {1}
    assert f"{NAME}: Version 3 cannot be used: " in (stack.data_dir / "stack.log").read_text()


def test_a_shadow_answers_unseen_and_a_canary_its_share(http: httpx.Client) -> None:
    eyes = [draw("eye_normal", seed, 96).jpeg() for seed in range(30)]

    def ask() -> list[int]:
        answers = [http.post("/api/predict", params={"classifier": NAME}, content=eye) for eye in eyes]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.json()["model_version"] for answer in answers]

    asked = 0
    http.post(f"/api/models/{NAME}/challenger", json={"version": 4, "mode": "shadow"})
    while (found := comparison(http)["shadow"])["n"] < 20:
        assert asked < 40 * len(eyes)
        assert set(ask()) == {1}
        asked += len(eyes)
    assert (found["agreement"], found["failed"]) == (0.0, 0)
    assert found["n"] + found["dropped"] <= asked
    assert found["compute_ms"]["challenger"]["p50"] > 0
    http.post(f"/api/models/{NAME}/challenger", json={"mode": "canary", "percent": 50})
    until(lambda: set(ask()) == {1, 4})
    first = ask()
    assert first == ask()
    http.post(f"/api/models/{NAME}/challenger", json={"mode": "off"})
    until(lambda: set(ask()) == {1})
