"""Furnishes a running product as one that people have used for a while, through its public interface."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import httpx
import numpy as np

from app.drawing import draw
from app.inference.arrays import Pixels

NAME = "glaucoma"
KINDS = ("glaucoma", "normal")
PATIENCE = 300  # seconds for a job


def furnish(url: str) -> dict[str, str]:
    """Add images with some flaws, audit, train, predict and judge; return the ids of the `bulk` and `retrain` jobs."""
    with httpx.Client(base_url=url, timeout=60) as http:
        _post(http, "/api/upload", files=[("files", ("eyes.zip", pack(_eyes())))])
        audit = _post(http, f"/api/datasets/{NAME}/audit")["job_id"]
        bulk = _post(http, "/api/bulk-predict", files=[("files", ("screening.zip", pack(_screening())))])["job_id"]
        retrain = _post(http, "/api/retrain", data={"epochs": 6, "promote": "manual"})["job_id"]
        for job in (audit, bulk, retrain):
            _wait(http, job)
        for row in http.get("/api/predictions", params={"classifier": NAME, "limit": 5}).json():
            _post(http, f"/api/predictions/{row['id']}/feedback", data={"label": KINDS[int(row["id"][0], 16) % 2]})
        return {"bulk": bulk, "retrain": retrain}


def pack(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def _eyes() -> Iterator[tuple[str, bytes]]:
    """Eyes of both kinds; three mirrored copies, one small image, one broken file and one without a label."""
    for kind in KINDS:
        for seed in range(60):
            drawing = draw(f"fundus_{kind}", 100 + seed, 224)
            yield f"{kind}/{kind}-{seed:03}.jpg", drawing.jpeg()
            if kind == "normal" and seed < 3:
                yield f"{kind}/{kind}-{seed:03}-copy.jpg", _jpeg(drawing.image[:, ::-1])
    yield "normal/tiny.jpg", _jpeg(draw("fundus_normal", 1, 128).image[::3, ::3])
    yield "normal/broken.jpg", b"no image"
    yield "unsorted/who-knows.jpg", draw("fundus_normal", 2, 128).jpeg()


def _jpeg(pixels: Pixels) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR))[1].tobytes()


def _screening() -> Iterator[tuple[str, bytes]]:
    """What arrives on a day: eyes of all kinds, a cat, a scan that is no image."""
    subjects = ("fundus_normal", "fundus_glaucoma", "fundus_normal", "fundus_cataract")
    for seed in range(44):
        yield f"patient-{seed:03}.jpg", draw(subjects[seed % 4], 500 + seed, 256).jpeg()
    yield "holiday.jpg", draw("cat_face", 3, 256).jpeg()
    yield "scan.jpg", b"no image"


def _post(http: httpx.Client, path: str, data: dict[str, Any] | None = None, files: Any = None) -> Any:  # noqa: ANN401 - JSON
    answer = http.post(path, data={"classifier": NAME, **(data or {})}, files=files)
    answer.raise_for_status()
    return answer.json()


def _wait(http: httpx.Client, job: str) -> None:
    end = time.monotonic() + PATIENCE
    while (status := http.get(f"/api/jobs/{job}").json()["status"]) in ("queued", "running"):
        if time.monotonic() > end:
            raise TimeoutError(f"The job {job} did not end.")
        time.sleep(0.3)
    if status != "succeeded":
        raise RuntimeError(f"The job {job} {status}.")
