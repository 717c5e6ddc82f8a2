from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.services.operations import processor
from app.services.operations.processor import Processor


def test_whoever_looks_first_is_told_of_the_work_since_the_look_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "SECONDS", 0.0)
    watched, found = Processor(), 0.0
    for _ in range(500):
        sum(range(1_000_000))
        with ThreadPoolExecutor(1) as another:  # as each request has a thread of its own
            found = max(found, another.submit(watched.percent).result())
        if found > 0:
            break
    assert 0 < found <= 100
