"""What classifiers on one body save: the memory of a web worker, and the time of several answers to one photograph.

Started by `python -m benchmarks.memory --champions FOLDER`. FOLDER is a DATA_DIR with models that were trained with a
head on a pretrained network, as `flask train` makes them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import yaml

from app import create_app
from app.classifiers.card import CARD_NAME, Card
from app.classifiers.catalog import BUILTIN, Catalog
from app.config import Settings
from app.drawing import draw
from app.factory import EXTENSION
from app.services.wiring import Services
from benchmarks.servers import Running, fovea_at, running

SIDES: Final = (350, 1024)
CALLS: Final = 40  # of each kind
LOOKS: Final = 6  # photographs of each size for every classifier, before the memory is read
COPIES: Final = ("eyes_two", "eyes_three")  # further classifiers on the body of ORIGINAL
ORIGINAL: Final = "eye_diseases"


def main(data: Path) -> None:
    """Measure and print two Markdown tables."""
    champions = find_champions(data)
    with TemporaryDirectory(prefix="fovea-bench-") as name:
        folder = Path(name)
        rows = [_memory(folder / str(shared), champions, shared=shared) for shared in (False, True)]
        print("| five champions of a web worker | MB when loaded | MB after predictions |\n| --- | ---: | ---: |")
        for title, row in zip(("a graph of its own for each", "bodies shared"), rows, strict=True):
            print(f"| {title} | {row[0]:.0f} | {row[1]:.0f} |")
        print(f"| shared, of that | {rows[1][0] / rows[0][0]:.0%} | {rows[1][1] / rows[0][1]:.0%} |\n", flush=True)
        _print_several(folder / "several", champions)


def find_champions(data: Path) -> dict[str, Path]:
    """Return the bundles that serve, by classifier."""
    app = create_app(Settings(data_dir=data))
    with app.app_context():
        services: Services = app.extensions[EXTENSION]
        registry = services.registry
        return {name: registry.folder(name, registry.champion(name)) for name in Catalog()}


def copied(champions: Mapping[str, Path], target: Path, **changes: object) -> None:
    """Make each champion version 1 of a new DATA_DIR, with changes of its card."""
    for name, bundle in champions.items():
        place = target / "models" / name / "1"
        shutil.copytree(bundle, place)
        card = Card.model_validate_json((place / CARD_NAME).read_bytes())
        spec = card.spec.model_copy(update={"name": name})
        card = card.model_copy(update={"classifier": name, "spec": spec} | changes)
        (place / CARD_NAME).write_text(card.model_dump_json(), encoding="utf-8")


def _memory(folder: Path, champions: Mapping[str, Path], *, shared: bool) -> tuple[float, float]:
    """Return the megabytes of a web worker with the champions, before and after it has predicted with each."""
    copied(champions, folder, **({} if shared else {"engine": "onnx"}))
    with _one_worker(folder) as (live, client):
        loaded = live.web_mb()[0]
        with ThreadPoolExecutor(2) as pool:  # as many as a worker computes at a time
            asked = [(name, image) for side in SIDES for image in _images(side) for name in champions]
            list(pool.map(lambda each: _ask(client, *each), asked))
        return loaded, live.web_mb()[0]


def _print_several(folder: Path, champions: Mapping[str, Path]) -> None:
    """Compare a call for several classifiers with the calls for one, which take turns."""
    copied({**champions, **dict.fromkeys(COPIES, champions[ORIGINAL])}, folder)
    own = folder / "classifiers"
    own.mkdir()
    spec = yaml.safe_load((BUILTIN / f"{ORIGINAL}.yaml").read_text(encoding="utf-8"))
    for name in COPIES:
        (own / f"{name}.yaml").write_text(yaml.safe_dump(spec | {"name": name}), encoding="utf-8")
    alike, retinal = (ORIGINAL, *COPIES), ("diabetic_retinopathy", "glaucoma", ORIGINAL)
    print("| three classifiers | width | ms together | ms of one | times one | times one after another |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with _one_worker(folder, CLASSIFIERS_DIR=str(own)) as (_, client):
        for title, names in (("on one body, same preprocessing", alike), ("the retinal defaults, different", retinal)):
            for side in SIDES:
                together, *single = _times(client, [",".join(names), *names], _images(side))
                of_one, of_all = max(single), sum(single)
                print(f"| {title} | {side} | {together:.1f} | {of_one:.1f} | {together / of_one:.2f} |"
                      f" {together / of_all:.2f} |", flush=True)  # fmt: skip


def _times(client: httpx.Client, asked: Sequence[str], images: Sequence[bytes]) -> list[float]:
    """Return the median milliseconds of the call for each of `asked`; they take turns."""
    taken: list[list[float]] = [[] for _ in asked]
    for turn in range(CALLS):
        for names, times in zip(asked, taken, strict=True):
            begun = time.perf_counter()
            _ask(client, names, images[turn % len(images)])
            times.append(1000 * (time.perf_counter() - begun))
    return [median(times) for times in taken]


@contextmanager
def _one_worker(data: Path, **env: str) -> Iterator[tuple[Running, httpx.Client]]:
    """Run Fovea with one web worker."""
    server = fovea_at(data, WEB_CONCURRENCY="1", **env)
    with running(server) as live, httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        yield live, client


def _ask(client: httpx.Client, classifier: str, image: bytes) -> dict[str, Any]:
    answer = client.post("/api/predict", params={"classifier": classifier}, content=image).raise_for_status()
    found: dict[str, Any] = json.loads(answer.content)
    return found


def _images(side: int) -> list[bytes]:
    return [draw("fundus_normal", seed, side).jpeg() for seed in range(LOOKS)]
