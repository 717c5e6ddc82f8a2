"""Training pictures on a shared storage, computed in threads that know neither application nor database."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from bundle_copies import add_version
from conftest import Bucket
from flask import Flask

from app.config import Settings
from app.errors import NotFound
from app.factory import create_core
from app.runners import Runners
from app.services import wiring
from app.services.setup import initialise

R = TypeVar("R")


def in_a_thread(work: Callable[[], R]) -> R:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@pytest.mark.parametrize("version", [1, 2, 9])
def test_a_picture_of_any_version_is_given_or_not_found(tmp_path: Path, bucket: Bucket, version: int) -> None:
    settings = Settings(data_dir=tmp_path, storage_url=bucket.url)
    core: Flask = create_core(settings)
    with core.app_context():
        services = wiring.build(settings, wiring.Broker(lambda _: False), Runners(in_a_thread, in_a_thread))
        initialise(services)
        add_version(services.registry.root, "cat_dog", 2)
        services.registry.adopt("cat_dog")
        shutil.rmtree(services.registry.root / "cat_dog" / "2")  # another machine trained it
        with pytest.raises(NotFound, match=f"[Vv]ersion {version}"):
            services.training_images.picture("cat_dog", version, "f" * 64)
