"""How true a training's progress and time left are: `python -m benchmarks.progress --help`.

`flask train` runs one after the other in a data folder of its own, first without any earlier run and then with them;
the job is read ten times a second, as `GET /api/jobs/<id>` reads it. An estimate counts after the first tenth of the
time that the run took in the end: by which factor it was too long or too short. In the last two seconds none counts:
whole seconds are given. `unknown` is the share of that time in which no estimate was given.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from app.config import Settings
from app.factory import EXTENSION, create_core
from app.services.jobs.reporting import eta_seconds
from app.services.setup import initialise
from app.services.wiring import Services
from app.store.db import db
from app.store.transaction import release_connection
from app.training.progress import silent
from benchmarks.serving import machine

POLL_SECONDS = 0.1
FIRST, LAST_SECONDS = 0.1, 2.0


class Reading(NamedTuple):
    """What the job said: seconds since it was claimed, percent, and seconds left."""

    elapsed: float
    percent: float
    left: float | None


@dataclass(frozen=True)
class Run:
    """A training and what was read of it while it ran."""

    title: str
    seconds: float
    readings: Sequence[Reading]
    end: str

    @property
    def judged(self) -> list[Reading]:
        """The readings after the first tenth."""
        return [each for each in self.readings if FIRST * self.seconds <= each.elapsed <= self.seconds - LAST_SECONDS]

    @property
    def factors(self) -> list[float]:
        """By how much each estimate was wrong."""
        pairs = [(each.left, self.seconds - each.elapsed) for each in self.judged if each.left is not None]
        return [max(said / true, true / said) for said, true in pairs]

    @property
    def fell(self) -> bool:
        """Whether the percentage ever fell."""
        return any(later.percent < one.percent for one, later in zip(self.readings, self.readings[1:], strict=False))


def main() -> None:
    """Train, watch, and print a Markdown table."""
    options = _options()
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        env = os.environ | {"DATA_DIR": name}
        if options.weights:
            env["WEIGHTS_DIR"] = str(options.weights.resolve())
        core = create_core(Settings.from_env(env))
        services: Services = core.extensions[EXTENSION]
        with core.app_context():
            initialise(services)
            runs = [_watched(services, env, *each) for each in _prepared(services, options)]
    print(f"Machine: {machine()}.\n")
    _print(runs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=240, help="images to draw")
    parser.add_argument("--epochs", type=int, default=8, help="of a whole network, at most")
    parser.add_argument("--data", type=Path, help="photographs of cat_dog to train on as well")
    parser.add_argument("--weights", type=Path, help="WEIGHTS_DIR: train heads and fine-tune as well")
    return parser.parse_args()


def _prepared(services: Services, options: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Fill the datasets; return the title and the arguments of each training."""
    services.datasets.synth("cataract", options.images, 1, silent)
    if options.data:
        services.datasets.import_folder("cat_dog", options.data, "photographs", silent)
    drawn = ["cataract", "--backbone", "custom_cnn", "--mode", "full", "--epochs", str(options.epochs)]
    runs = [("whole network, drawings, first run", drawn), ("the same again", drawn)]
    name, what = ("cat_dog", "photographs") if options.data else ("cataract", "drawings")
    if options.data:
        runs.append(("whole network, photographs", ["cat_dog", *drawn[1:]]))
    if options.weights:
        head = [name, "--backbone", "mobilenetv2", "--mode", "head"]
        tuned = [name, "--backbone", "mobilenetv2", "--mode", "full", "--epochs", "3"]
        runs += [
            (f"head, {what}, first run", head),
            ("head, features known", head),
            (f"fine-tuning, {what}", tuned),
            ("search", [name, "--search"]),
        ]
    return runs


def _watched(services: Services, env: dict[str, str], title: str, arguments: list[str]) -> Run:
    """Run a training and read its job until it ends."""
    print(f"{title} ...", file=sys.stderr)
    known = {job.id for job in services.jobs.list()}
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "train", *arguments, "--promote", "auto"],
        env=env, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    readings, job, began = [], None, 0.0
    while job is None or job.finished_at is None:
        time.sleep(POLL_SECONDS)
        release_connection()
        db.session.expire_all()
        job = next((each for each in services.jobs.list() if each.id not in known), None)
        if process.poll() is not None and (job is None or job.finished_at is None):
            raise SystemExit(f"flask train {' '.join(arguments)} ended with {process.returncode}.")
        if job is not None and job.started_at is not None and job.finished_at is None:
            began = began or time.time() - job.started_at.timestamp() - time.monotonic()
            readings.append(Reading(time.monotonic() + began, job.percent, eta_seconds(job)))
    process.wait()
    assert job.started_at is not None
    for stage, (default, took) in job.timings.items():
        print(f"  {stage}: {took:.1f} s, by default {default:.1f} s", file=sys.stderr)
    end = f"{job.done} of {job.total}, {job.percent:g} %"
    return Run(title, (job.finished_at - job.started_at).total_seconds(), readings, end)


def _print(runs: Sequence[Run]) -> None:
    print("| training | seconds | worst factor | median factor | unknown | progress fell | at the end |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for run in runs:
        factors = run.factors or [float("nan")]
        unknown = 1 - len(run.factors) / max(len(run.judged), 1)
        print(
            f"| {run.title} | {run.seconds:.0f} | {max(factors):.2f} | {median(factors):.2f} | {unknown:.0%}"
            f" | {'yes' if run.fell else 'no'} | {run.end} |"
        )


if __name__ == "__main__":
    main()
