"""Asking a real server for predictions while something else happens to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx
from http_checks import CAT


class Answers:
    """What became of the predictions asked for."""

    def __init__(self) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.versions: list[int] = []


@contextmanager
def hammering(url: str, classifier: str, clients: int = 1) -> Iterator[Answers]:
    """Ask one after the other in each client, each on a connection of its own, so that every worker is asked."""
    answers, stop = Answers(), Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                answer = httpx.post(f"{url}/api/predict?classifier={classifier}", content=CAT, timeout=30)
            except httpx.HTTPError as error:
                answers.statuses[repr(error)] += 1
            else:
                answers.statuses[answer.status_code] += 1
                answers.versions.append(answer.json().get("model_version"))
            stop.wait(0.02)

    threads = [Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def served_versions(url: str, classifier: str, requests: int = 15) -> set[int]:
    """Return the versions that answer now, asking often enough to meet every worker."""
    return {
        httpx.post(f"{url}/api/predict?classifier={classifier}", content=CAT, timeout=30).json()["model_version"]
        for _ in range(requests)
    }
