"""Which stages a training run has not to go through, so that its progress does not count on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.classifiers.spec import ClassifierSpec
from app.store.tables import Job
from app.training.heads.features import are_known
from app.training.networks.backbones import find_weights, input_size
from app.training.networks.frozen import locate

BEFORE_HEAD: Final = {"preparing", "computing features", "training the head"}


def skipped(job: Job, spec: ClassifierSpec, hashes: Sequence[str], weights_dir: Path | None, cache: Path) -> set[str]:
    """Return the stages that a run on these images skips: it starts from random weights, or an earlier run did them.

    Raises as `find_weights` does.
    """
    backbone, mode = job.params["backbone"], job.params["mode"]
    if job.params.get("search"):
        return set()
    weights = find_weights(backbone, job.params["weights"], weights_dir, mode)
    size = input_size(backbone, spec, weights_dir)
    if not weights:
        return set(BEFORE_HEAD)
    frozen = locate(backbone, weights, size, cache, float32=mode != "head")
    if not frozen.folder.is_dir():
        return set()
    if not are_known(frozen, hashes, spec.settled(size).preprocessing):
        return {"preparing"}
    return {"preparing", "reading images" if mode == "head" else "computing features"}
