"""A training that is killed is not begun again: what its job's history says of an epoch, it says once and for all."""

from __future__ import annotations

import random
from pathlib import Path

import faults
import pytest
from product import Product
from work import Ledger, cancel, draw_dataset, job, train, wait_for_end

ENDLESS = 500  # epochs: it does not end before it is killed, on no machine


@pytest.mark.timeout(3600)
def test_a_killed_training_goes_on_from_its_last_epoch(tmp_path: Path) -> None:
    product, ledger = Product(tmp_path / "p"), Ledger()
    try:
        product.start()
        draw_dataset(product, ledger, 12)
        training = train(product, ledger, epochs=ENDLESS, backbone="custom_cnn", mode="full", weights="none")
        product.until(lambda: len(job(product, training)["history"]) > 1, "No epoch came to its end.")
        before = job(product, training)["history"]
        assert faults.kill_training_child(product, random.Random(1), (0, 0))  # noqa: S311 - not for secrets
        product.until(lambda: _attempts(product, training) == 2, "It was not taken up again.")
        product.until(lambda: len(job(product, training)["history"]) > len(before) + 1, "It did not go on.")
        after = job(product, training)["history"]
        assert after[: len(before)] == before  # to the microseconds that each epoch took
        assert [each["epoch"] for each in after] == list(range(1, len(after) + 1))
        assert any("died in attempt 1" in each["cause"] for each in job(product, training)["events"])
        cancel(product, ledger, training)
        wait_for_end(product, ledger)
    finally:
        product.stop()


def _attempts(product: Product, job_id: str) -> int:
    return sum(each["cause"].startswith("Claimed by") for each in job(product, job_id)["events"])
