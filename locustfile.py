"""Load scenarios: `locust --headless --scenario light`; the choices are light, medium, heavy and stress.

A scenario says how many users come, how fast and for how long; `--users`, `--spawn-rate` and `--run-time` win over it,
and `--short` cuts it to some seconds. The run fails, with exit status 1, when more requests fail or predictions take
longer than the scenario allows. Fovea must be running; `--host` names another address than the default. `make load`
does all this and writes a report. The images are Fovea's own drawings.
"""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

import gevent
from locust import FastHttpUser, between, events, task

from app.classifiers import Catalog
from app.drawing import draw

IMAGES_PER_CLASS = 3
BULK_IMAGES = 8
BULK_SECONDS = 120.0
FINISHED = {"succeeded", "failed", "cancelled"}


class Scenario(NamedTuple):
    """How many users come, in how many seconds they have all arrived, when they leave, and what is too bad."""

    users: int
    ramp: int
    seconds: int
    failed: float  # share of the requests; a prediction that is refused because there are too many is one
    p95: float  # seconds


SCENARIOS = {
    "light": Scenario(users=10, ramp=5, seconds=120, failed=0.01, p95=1),
    "medium": Scenario(users=50, ramp=15, seconds=300, failed=0.01, p95=2),
    "heavy": Scenario(users=100, ramp=30, seconds=600, failed=0.05, p95=5),
    "stress": Scenario(users=200, ramp=60, seconds=900, failed=0.5, p95=10),
}
SHORT = Scenario(users=0, ramp=5, seconds=20, failed=0, p95=0)  # its ramp and its seconds
IMAGES: dict[str, list[bytes]] = {}


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:  # noqa: ANN401  # locust's own, untyped
    """Let the scenario be chosen, and cut short for a quick look."""
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="light", help="How much load.")
    parser.add_argument("--short", action="store_true", help=f"The same users for {SHORT.seconds} seconds alone.")


@events.init.add_listener
def follow_scenario(environment: Any, **_: Any) -> None:  # noqa: ANN401  # locust's own, untyped
    """Take from the scenario what the command line leaves open."""
    options = environment.parsed_options
    scenario = SCENARIOS[options.scenario]
    length = SHORT if options.short else scenario
    options.num_users = options.num_users or scenario.users
    options.spawn_rate = options.spawn_rate or options.num_users / length.ramp
    options.run_time = options.run_time or length.seconds


@events.quitting.add_listener
def judge(environment: Any, **_: Any) -> None:  # noqa: ANN401  # locust's own, untyped
    """Fail the run when too much failed or predictions took too long."""
    scenario = SCENARIOS[environment.parsed_options.scenario]
    total, predictions = environment.stats.total, environment.stats.get("/api/predict", "POST")
    p95 = predictions.get_response_time_percentile(0.95) / 1000
    figures = f"{total.fail_ratio:.1%} of {total.num_requests} requests failed; predictions took {p95:.2f} s (95 %)"
    good = total.num_requests and total.fail_ratio <= scenario.failed and p95 <= scenario.p95
    limits = f"allowed: {scenario.failed:.0%}, {scenario.p95} s"
    print(f"{'Passed' if good else 'FAILED'}: {figures}; {limits}.")  # noqa: T201 - the run's result
    environment.process_exit_code = 0 if good else 1


@events.init.add_listener
def draw_images(**_: Any) -> None:  # noqa: ANN401  # locust's own, untyped
    """Draw some images of every class before the run's time begins."""
    for spec in Catalog().values():
        subjects = [item.drawing for item in spec.classes if item.drawing]
        IMAGES[spec.name] = [draw(each, seed).jpeg() for each in subjects for seed in range(IMAGES_PER_CLASS)]
    gevent.sleep(0)  # its loop looks at the clock again, or the run's time would count from before the drawing


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
