"""What the tests of bulk predictions share: images to send, and a worker in this process."""

from __future__ import annotations

import io

from sqlalchemy import select

from app.config import Settings
from app.drawing import draw
from app.factory import create_core
from app.runners import Run, Runners
from app.services import wiring
from app.services.bulk.chunks import LEAST
from app.services.datasets.archive import Found, Upload, members
from app.store.db import db
from app.store.tables import Prediction

NAME = "cat_dog"
CHUNKS = LEAST + 6  # images that make two chunks
_CAT = draw("cat_face", 1, 64).jpeg()


def upload(name: str, data: bytes) -> Upload:
    return Upload(name, io.BytesIO(data))


def sent(*uploads: Upload) -> Found:
    return members(uploads)


def photographs(count: int) -> list[Upload]:
    return [upload(f"cat-{seed}.jpg", _CAT + bytes([seed])) for seed in range(count)]


def work_once(settings: Settings, job_id: str, offload: Run) -> None:
    """Answer a chunk in this process, with `offload` in the place where images are computed."""
    with create_core(settings).app_context():
        wiring.build(settings, wiring.Broker(lambda _: False), Runners(offload, offload)).batch.work(job_id)


def predicted_files(job_id: str) -> list[str | None]:
    return list(db.session.scalars(select(Prediction.filename).where(Prediction.job_id == job_id)))
