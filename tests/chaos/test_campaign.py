"""The long form, `make chaos`: each fault many times, and a table of what it cost. The short form is test_chaos.py."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import faults
import pytest
from conftest import Bucket
from faults import Fault
from invariants import losses
from postgres_server import Server
from product import Product
from s3_proxy import Proxy, proxy
from work import Ledger, draw_dataset, fresh, predict_many, predicting, train, upload, wait_for_end

pytestmark = [
    pytest.mark.skipif(os.environ.get("CHAOS") != "long", reason="This is the long form: make chaos."),
    pytest.mark.timeout(3600),
]
SEED = int(os.environ.get("CHAOS_SEED", "1"))
IMAGES, UPLOADS = 60, 5
DISK, PIECE = "size=400m", 65_536
TABLE: list[str] = []


Work = Callable[[Product, Ledger, int], object]


def bulk(product: Product, ledger: Ledger, number: int) -> None:
    """Before each strike a bulk prediction."""
    assert number >= 0
    predict_many(product, ledger, IMAGES)


def both(product: Product, ledger: Ledger, number: int) -> None:
    """Before the first strike a training, and a bulk prediction before each."""
    if number == 0:
        train(product, ledger)
    bulk(product, ledger, number)


def trainings(product: Product, ledger: Ledger, number: int) -> None:
    """Before every second strike two trainings, once those before have ended."""
    if number % 2 == 0:
        wait_for_end(product, ledger)
        train(product, ledger)
        train(product, ledger)


@dataclass(frozen=True)
class Campaign:
    """A fault, how often it strikes, and the work that is given to the product before each strike."""

    title: str
    fault: Fault
    strikes: int
    work: Work = both


PROCESSES = (
    Campaign("kill -9 of a child of the batch worker", faults.kill_batch_child, 8),
    Campaign("kill -9 of the batch worker", faults.kill_batch_worker, 4),
    Campaign("kill -9 of the beat", faults.kill_beat, 3),
    Campaign("kill -9 of the system worker", faults.kill_system_worker, 3),
    Campaign("kill -9 of a gunicorn worker", faults.kill_web_worker, 5),
    Campaign("kill -9 of everything, Redis too", faults.kill_everything, 3),
    Campaign("Redis stopped", faults.restart_redis, 3),
    Campaign("Redis restarted empty", faults.empty_redis, 3),
    Campaign("Redis paused for 30 s", faults.pause_redis, 1),
    Campaign("every task delivered three times more", faults.deliver_twice, 3),
    Campaign("the clock jumps by an hour", faults.jump_clock, 4),
    Campaign("kill -9 of the training child", faults.kill_training_child, 6, trainings),
)


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print the table at the end."""
    TABLE[:] = ["| fault | strikes | processes killed | images answered | trainings | predictions meanwhile | losses |",
                "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    yield
    print("\n\n" + "\n".join(TABLE))  # noqa: T201 - this is what it is run for


@contextmanager
def started(data_dir: Path, **settings: str) -> Iterator[Product]:
    product = Product(data_dir, **settings)
    try:
        product.start()
        yield product
    finally:
        product.stop()


def strike(product: Product, campaign: Campaign) -> list[str]:
    """Give work, let the fault strike, wait for the end of all work; note it in the table and return the losses."""
    chance, ledger, killed = random.Random(f"{SEED} {campaign.title}"), Ledger(), 0  # noqa: S311 - not for secrets
    with predicting(product, ledger):
        for number in range(campaign.strikes):
            campaign.work(product, ledger, number)
            time.sleep(chance.uniform(0, 1.5))
            while not (struck := campaign.fault(product, chance)) and campaign.work is trainings:
                train(product, ledger)  # those before had ended
            killed += struck
            ledger.strikes += 1
            product.start()
            upload(product, ledger, fresh(UPLOADS))
        wait_for_end(product, ledger)
    found = losses(product, ledger)
    answered = sum(map(len, ledger.bulk.values()))
    row = (campaign.title, campaign.strikes, killed, answered, len(ledger.trainings),
           f"{ledger.answers} ({ledger.refusals} refused)", "; ".join(found) or "none")  # fmt: skip
    TABLE.append("| " + " | ".join(map(str, row)) + " |")
    print("\n" + TABLE[-1], flush=True)  # noqa: T201 - a run that is cut off has said so much
    return found


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with started(tmp_path_factory.mktemp("chaos") / "p") as made:
        draw_dataset(made, Ledger(), 12)
        yield made


@pytest.mark.parametrize("campaign", PROCESSES, ids=lambda campaign: campaign.title)
def test_processes_and_redis(product: Product, campaign: Campaign) -> None:
    assert strike(product, campaign) == []


def test_postgresql_restarts(postgres: Server, tmp_path: Path) -> None:
    def restart(product: Product, chance: random.Random) -> int:
        assert product
        postgres.stop()
        time.sleep(chance.uniform(0, 4))
        postgres.start()
        return 1

    with started(tmp_path / "p", DATABASE_URL=postgres.create_database()) as product:
        assert strike(product, Campaign("PostgreSQL restarted", restart, 3, bulk)) == []


@pytest.mark.parametrize(("title", "trouble"), [("S3 answers errors for 5 s", "fail"), ("S3 answers slowly", "wait")])
def test_a_storage_in_trouble(bucket: Bucket, tmp_path: Path, title: str, trouble: str) -> None:
    def bring(product: Product, chance: random.Random) -> int:
        assert product
        setattr(door, trouble, True)
        Timer(5 + chance.uniform(0, 1), setattr, (door, trouble, False)).start()
        return 0

    door: Proxy
    with proxy(bucket.env["AWS_ENDPOINT_URL"]) as door:
        env = bucket.env | {"AWS_ENDPOINT_URL": door.url}
        with started(tmp_path / "p", STORAGE_URL=bucket.url, **env) as product:
            assert strike(product, Campaign(title, bring, 3, bulk)) == []


def test_a_full_disk(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("A full disk needs root, who may mount a small one.")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("A full disk needs the right to mount a small one.")

    def fill(product: Product, chance: random.Random) -> int:
        filler = product.data_dir / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(PIECE))
        Timer(6 + chance.uniform(0, 2), filler.unlink).start()
        return 0

    try:
        with started(disk / "p") as product:
            assert strike(product, Campaign("a full disk for 6 to 8 s", fill, 3, bulk)) == []
    finally:
        subprocess.run(["umount", disk], check=True)
