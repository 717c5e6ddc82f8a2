"""Work given to a product, and the ledger of what it accepted."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from product import PATIENCE, Product

from app.drawing import draw
from app.services.jobs.transitions import ACTIVE

NAME = "cat_dog"
CAT = draw("cat_face", 1, 64).jpeg()
DOG = draw("dog_face", 1, 64).jpeg()
_NUMBERS = count()


@dataclass
class Ledger:
    """What was accepted: images of the dataset, files of each bulk job, trainings; and what predictions said."""

    uploads: set[str] = field(default_factory=set)
    bulk: dict[str, set[str]] = field(default_factory=dict)
    trainings: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)  # trainings that may fail
    strikes: int = 0
    served: set[int] = field(default_factory=set)
    answers: int = 0
    refusals: int = 0
    wrong: list[str] = field(default_factory=list)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def fresh(images: int) -> dict[str, bytes]:
    """Return small photographs that nobody has seen; bytes behind a JPEG's end make it another file."""
    found = {}
    for number in (next(_NUMBERS) for _ in range(images)):
        kind, data = ("cat", CAT) if number % 2 else ("dog", DOG)
        found[f"{kind}.{number}.jpg"] = data + number.to_bytes(4, "big") + time.time_ns().to_bytes(8, "big")
    return found


def upload(product: Product, ledger: Ledger, images: dict[str, bytes]) -> None:
    """Add images to the dataset."""
    answer = product.ask("POST", "/api/upload", files={"files": ("p.zip", pack(images))}, data={"classifier": NAME})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    ledger.uploads |= {hashlib.sha256(data).hexdigest() for data in images.values()}


def draw_dataset(product: Product, ledger: Ledger, per_class: int) -> None:
    """Upload drawings enough to train on."""
    drawn = {
        f"{kind}.{seed}.jpg": draw(f"{kind}_face", seed, 96).jpeg()
        for seed in range(100, 100 + per_class)
        for kind in ("cat", "dog")
    }
    upload(product, ledger, drawn)


def predict_many(product: Product, ledger: Ledger, images: int) -> str:
    """Submit a bulk prediction; return the job's id."""
    files = fresh(images)
    key = f"chaos-{time.time_ns()}"
    answer = product.ask(
        "POST", "/api/bulk-predict", files={"files": ("p.zip", pack(files))}, data={"classifier": NAME},
        headers={"Idempotency-Key": key},
    )  # fmt: skip
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    job_id: str = answer.json()["job_id"]
    ledger.bulk[job_id] = set(files)
    return job_id


def train(product: Product, ledger: Ledger, **options: object) -> str:
    """Submit a training; return the job's id."""
    wanted = {"classifier": NAME, "epochs": 2} | options
    key = f"chaos-{time.time_ns()}"
    answer = product.ask("POST", "/api/retrain", json=wanted, headers={"Idempotency-Key": key})
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    job_id: str = answer.json()["job_id"]
    ledger.trainings.append(job_id)
    return job_id


def cancel(product: Product, ledger: Ledger, training: str) -> None:
    """Cancel a training, which may have ended already."""
    product.ask("DELETE", f"/api/jobs/{training}")
    ledger.failed.add(training)


def job(product: Product, job_id: str) -> dict[str, Any]:
    """Return a job as the interface shows it."""
    found: dict[str, Any] = product.ask("GET", f"/api/jobs/{job_id}").json()
    return found


def wait_for_end(product: Product, ledger: Ledger) -> None:
    """Wait until every accepted job has ended; those that the faults failed are retried, as their owners would."""
    end = time.monotonic() + 2 * PATIENCE
    left = [*ledger.bulk, *ledger.trainings]
    while left:
        assert time.monotonic() < end, [job(product, each) for each in left]
        jobs = [job(product, each) for each in left]
        for each in jobs:
            if _is_to_be_retried(each, ledger):
                product.ask("POST", f"/api/jobs/{each['id']}/retry")
        left = [each["id"] for each in jobs if each["status"] in ACTIVE or _is_to_be_retried(each, ledger)]
        product.start()
        time.sleep(0.3)


def _is_to_be_retried(found: dict[str, Any], ledger: Ledger) -> bool:
    """Tell whether a bulk prediction failed, or a training that was struck thrice; what else fails is a loss."""
    struck = any(each["reason"].startswith("The worker died") for each in found["errors"])
    return found["status"] == "failed" and (found["id"] in ledger.bulk or struck)


@contextmanager
def predicting(product: Product, ledger: Ledger) -> Iterator[None]:
    """Ask for predictions all the while; an answer is wrong when it comes from a model that never was champion."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.05):
            with suppress(httpx.TransportError):
                answer = httpx.post(f"{product.url}/api/predict?classifier={NAME}", content=CAT, timeout=60)
                if answer.status_code == httpx.codes.OK:
                    ledger.answers += 1
                    ledger.served.add(answer.json()["model_version"])
                elif answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                    ledger.refusals += 1
                else:
                    ledger.wrong.append(answer.text)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
