"""The client against the real stack, and against a server that is too busy at first."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from conftest import Stack, free_port

from app.config import CHECKOUT
from app.drawing import draw
from fovea_client import Client, JobFailed, Problem, Unreachable

NAME = "diabetic_retinopathy"
SUBJECTS = {"dr": "fundus_diabetic_retinopathy", "no_dr": "fundus_normal"}
PATIENCE = 120.0


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.url) as found:
        yield found


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("eyes")
    for seed in range(6):
        label = ("dr", "no_dr")[seed % 2]
        (folder / f"{label}.{seed}.jpg").write_bytes(draw(SUBJECTS[label], 8_000_000 + seed, 96).jpeg())
    return sorted(folder.iterdir())


def test_a_path_and_bytes_are_answered_alike(client: Client, eyes: list[Path]) -> None:
    by_path = client.predict(eyes[0], NAME, explain=True, similar=2)
    by_bytes = client.predict(eyes[0].read_bytes(), NAME)
    assert by_path["probabilities"] == by_bytes["probabilities"]
    assert by_path["explanation"].startswith("data:image/png;base64,")
    assert len(by_path["similar"]) == 2
    assert by_bytes.keys().isdisjoint({"explanation", "similar"})
    corrected = client.feedback(by_path["id"], "no_dr")
    assert (corrected["feedback"]["label"], corrected["filename"]) == ("no_dr", eyes[0].name)


def test_several_classifiers_answer_one_image(client: Client, eyes: list[Path]) -> None:
    found = client.predict_each(eyes[0], [NAME, "glaucoma"], similar=1)
    assert (list(found["answers"]), found["unanswered"]) == ([NAME, "glaucoma"], {})
    assert found["answers"][NAME]["probabilities"] == client.predict(eyes[0], NAME)["probabilities"]
    assert list(client.predict_each(eyes[0].read_bytes(), [NAME])["answers"]) == [NAME]
    assert len(client.predict_each(eyes[0])["answers"]) == 6
    with pytest.raises(Problem, match="There is no classifier 'nothing'"):
        client.predict_each(eyes[0], [NAME, "nothing"])


def test_many_images_are_answered_while_the_progress_is_watched(client: Client, eyes: list[Path]) -> None:
    seen: list[float] = []
    rows = client.predict_many([*eyes, b"no image"], NAME, lambda job: seen.append(job["progress"]["percent"]))
    assert [row["file"] for row in rows] == [*(path.name for path in eyes), "image-6.jpg"]
    assert [bool(row["error"]) for row in rows] == [False] * 6 + [True]
    assert seen == sorted(seen)
    assert seen[-1] == 100


def test_images_of_one_name_are_told_apart_by_their_folders(client: Client, eyes: list[Path], tmp_path: Path) -> None:
    names = ["clinic/train/dr/left.jpg", "clinic/test/no_dr/left.jpg"]
    for name, eye in zip(names, eyes, strict=False):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(eye.read_bytes())
    rows = client.predict_many([tmp_path / name for name in names], NAME)
    assert [row["file"] for row in rows] == ["train/dr/left.jpg", "test/no_dr/left.jpg"]


def test_a_retraining_is_watched_and_its_end_is_told(client: Client) -> None:
    with pytest.raises(Problem, match="at least 10 images"):
        client.retrain(NAME)
    for label, subject in SUBJECTS.items():
        drawn = [draw(subject, 9_000_000 + seed, 64).jpeg() for seed in range(12)]
        assert client.upload(drawn, NAME, label=label)["accepted"] == 12
    job = client.retrain(NAME, epochs=1, promote="never")
    with pytest.raises(TimeoutError, match="is still"):
        job.wait(timeout=-1)
    job.cancel()
    with pytest.raises(JobFailed, match="ended as cancelled") as ended:
        job.wait(timeout=PATIENCE)
    assert ended.value.job["id"] in [each["id"] for each in client.jobs(status="cancelled")]
    job.retry()
    assert job.state()["status"] in ("queued", "running")
    job.cancel()


def test_models_are_moved(client: Client) -> None:
    assert 1 in [model["version"] for model in client.models(NAME)]
    assert client.promote(NAME, 1, "A test.") == {"classifier": NAME, "champion": 1}
    with pytest.raises(Problem, match="99") as refused:
        client.promote(NAME, 99)
    assert refused.value.status == 404


def test_a_refusal_is_an_exception_with_a_sentence(client: Client) -> None:
    with pytest.raises(Problem, match="choose one of") as refused:
        client.predict(b"x", "horses")
    assert (refused.value.status, refused.value.title) == (404, "Not Found")
    with pytest.raises(Problem, match="not an image that Fovea reads"):
        client.predict(b"x", NAME)


def test_an_address_where_nobody_is_says_so() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable, match="cannot be reached"):
        client.models()


def test_the_documented_example_runs(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (CHECKOUT / "docs" / "client.md").read_text()
    example = text.partition("```python\n")[2].partition("```")[0].replace("http://127.0.0.1:8000", stack.url)
    monkeypatch.chdir(tmp_path)
    Path("static").symlink_to(CHECKOUT / "static")
    with zipfile.ZipFile("labelled.zip", "w") as archive:
        archive.writestr("normal/1.jpg", draw("fundus_normal", 9_500_000, 96).jpeg())
    exec(compile(example, "docs/client.md", "exec"), {})  # noqa: S102 - our own document
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(("glaucoma", "normal"))
    assert "100.0 %" in told
    assert "fundus_glaucoma.jpg" in " ".join(told)
    assert "'normal': " in " ".join(told)
    assert told[-1].startswith(("400 ", "["))  # too few images to train on, or the reasons of the gate's verdict


class Busy(BaseHTTPRequestHandler):
    """Answers 503 twice and then what it was sent."""

    seen: ClassVar[list[tuple[str | None, int]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.rfile.read(length)
        self.seen.append((self.headers["Authorization"], length))
        body: dict[str, Any] = {"title": "Not now", "detail": "Try again.", "accepted": len(self.seen)}
        busy = len(self.seen) < 3
        self.send_response(503 if busy else 201)
        self.send_header("Content-Type", "application/problem+json" if busy else "application/json")
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_busy_service_is_asked_again_with_the_whole_file_and_the_key(eyes: list[Path]) -> None:
    Busy.seen.clear()
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with Client(url, api_key="fovea_key") as client:
                assert client.upload(eyes, NAME)["accepted"] == 3
            with Client(url, retries=0) as client:
                Busy.seen.clear()
                with pytest.raises(Problem, match="Try again") as refused:
                    client.upload(eyes, NAME)
        finally:
            server.shutdown()
    assert refused.value.status == 503
    assert len(Busy.seen) == 1
