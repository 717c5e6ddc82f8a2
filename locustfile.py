"""Load scenarios: `locust --headless --scenario light`; the choices are light, medium, heavy and stress.

Fovea must be running; `--host` names another address than the default. The images are Fovea's own drawings.
"""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

import gevent
from locust import FastHttpUser, LoadTestShape, between, events, task

from app.classifiers import Catalog
from app.drawing import draw

IMAGES_PER_CLASS = 3
BULK_IMAGES = 8
BULK_SECONDS = 120.0
FINISHED = {"succeeded", "failed", "cancelled"}


class Scenario(NamedTuple):
    """How many users come, in how many seconds they have all arrived, and when they leave."""

    users: int
    ramp: int
    seconds: int


SCENARIOS = {
    "light": Scenario(users=10, ramp=5, seconds=60),
    "medium": Scenario(users=50, ramp=15, seconds=120),
    "heavy": Scenario(users=100, ramp=30, seconds=180),
    "stress": Scenario(users=200, ramp=60, seconds=300),
}
IMAGES: dict[str, list[bytes]] = {}


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:  # noqa: ANN401  # locust's own, untyped
    """Let the scenario be chosen, and cut short for a quick look."""
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="light", help="How much load.")
    parser.add_argument("--seconds", type=int, default=0, help="Stop earlier or later than the scenario does.")


@events.test_start.add_listener
def draw_images(**_: Any) -> None:  # noqa: ANN401  # locust's own, untyped
    """Draw some images of every class before the first user comes."""
    for spec in Catalog().values():
        subjects = [item.drawing for item in spec.classes if item.drawing]
        IMAGES[spec.name] = [draw(each, seed).jpeg() for each in subjects for seed in range(IMAGES_PER_CLASS)]


class Shape(LoadTestShape):
    """Users arrive evenly, stay, and leave together."""

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there should be and how many come each second; None ends the test."""
        options = self.runner.environment.parsed_options
        scenario = SCENARIOS[options.scenario]
        if self.get_run_time() > (options.seconds or scenario.seconds):
            return None
        return scenario.users, scenario.users / scenario.ramp


class Reader(FastHttpUser):
    """Somebody who classifies images, looks at the figures, and now and then sends a whole folder."""

    host = "http://127.0.0.1:8000"
    wait_time = between(0.5, 2)

    @task(40)
    def predict(self) -> None:
        """Classify one image."""
        classifier, images = random.choice(list(IMAGES.items()))
        files = {"file": ("image.jpg", random.choice(images), "image/jpeg")}
        self.client.post("/api/predict", data={"classifier": classifier}, files=files)

    @task(4)
    def status(self) -> None:
        """Look at the state of the machine."""
        self.client.get("/api/status")

    @task(3)
    def history(self) -> None:
        """Look at the latest predictions."""
        self.client.get("/api/predictions")

    @task(2)
    def dashboard(self) -> None:
        """Open the dashboard."""
        self.client.get("/")

    @task(1)
    def bulk(self) -> None:
        """Send several images as one job and follow it to its end."""
        classifier, images = random.choice(list(IMAGES.items()))
        files = [("files", (f"{n}.jpg", random.choice(images), "image/jpeg")) for n in range(BULK_IMAGES)]
        answer = self.client.post("/api/bulk-predict", data={"classifier": classifier}, files=files)
        if answer.status_code == 202:  # noqa: PLR2004  # HTTP's Accepted
            self._follow(answer.headers["Location"])

    def _follow(self, place: str) -> None:
        begun, status = time.monotonic(), ""
        while status not in FINISHED and time.monotonic() - begun < BULK_SECONDS:
            gevent.sleep(1)
            job = self.client.get(place, name="/api/jobs/<id>").json() or {}
            status = job.get("status", "")
        events.request.fire(
            request_type="JOB",
            name="bulk prediction, start to end",
            response_time=(time.monotonic() - begun) * 1000,
            response_length=0,
            exception=None if status == "succeeded" else RuntimeError(f"the job ended as {status or 'unknown'}"),
            context={},
        )
