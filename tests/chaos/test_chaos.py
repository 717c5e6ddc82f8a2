"""Everything is killed at moments drawn by chance, and nothing is lost: `make chaos` is the long form."""

from __future__ import annotations

import os
import random
from pathlib import Path

import faults
import pytest
from invariants import losses
from product import Product
from work import Ledger, cancel, draw_dataset, fresh, predict_many, predicting, train, upload, wait_for_end

SEED = int(os.environ.get("CHAOS_SEED", "5"))
STRIKES = (
    faults.kill_batch_child, faults.kill_beat, faults.deliver_twice, faults.kill_web_worker, faults.jump_clock,
    faults.kill_batch_worker, faults.empty_redis,
)  # fmt: skip


@pytest.mark.timeout(3600)
def test_nothing_is_lost_whatever_dies(tmp_path: Path) -> None:
    chance, ledger, product = random.Random(SEED), Ledger(), Product(tmp_path / "p")  # noqa: S311 - not for secrets
    try:
        product.start()
        product.add_training_worker()
        draw_dataset(product, ledger, 12)
        with predicting(product, ledger):
            _, second = train(product, ledger), train(product, ledger)
            while not faults.kill_training_child(product, chance):  # they had ended before
                train(product, ledger)
            for strike in chance.sample(STRIKES, len(STRIKES)):
                predict_many(product, ledger, 60)
                strike(product, chance)
                ledger.strikes += 1
                upload(product, ledger, fresh(2))
            faults.kill_everything(product, chance)
            cancel(product, ledger, second)
            wait_for_end(product, ledger)
        assert losses(product, ledger) == []
        assert ledger.answers > 0
    finally:
        product.stop()
