"""Trains a classifier: from labelled images to a bundle that can be served. Keras loads only when it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from app.classifiers import Card
from app.classifiers.card import CARD_NAME, Int8, Origin
from app.inference.engine import ENGINES, OnnxEngine
from app.inference.image.quality import assess
from app.inference.novelty import NOVELTY_NAME
from app.inference.similar import SIMILAR_NAME, Similar
from app.training.data.provenance import code_revision, file_hashes, fingerprint, library_versions
from app.training.data.samples import Images, Sample, read_images
from app.training.evaluation.calibration import Calibrated, fit_calibration
from app.training.evaluation.decisions import decided
from app.training.evaluation.map_offset import map_offset
from app.training.evaluation.metrics import whole_figures
from app.training.evaluation.new_source import new_source
from app.training.heads.head import learn_head
from app.training.networks.backbones import get_backbone
from app.training.networks.frozen import freeze
from app.training.networks.graft import graft
from app.training.plan import Plan
from app.training.progress import History, Progress

__all__ = ["Plan", "Progress", "Sample", "train"]

FILES = ("model.keras", OnnxEngine.file_name, NOVELTY_NAME, SIMILAR_NAME)


def train(plan: Plan, bundle: Path, progress: Progress) -> Card:
    """Train, calibrate and evaluate; fill the empty folder `bundle`, its card last, and return the card.

    InvalidInput when a class lacks images, a file cannot be read or pretrained weights are missing; whatever
    `progress` raises stops the run.
    """
    plan.weight_files()  # every error that can be found before the images are read
    plan.check_classes()
    spec = plan.settled()
    with TemporaryDirectory(prefix="scratch-", dir=bundle) as scratch:
        images, parameters, history = _learn(plan, bundle, Path(scratch), progress)
        # A head on kept features is fitted to what float32 gives, and is to be ready in seconds.
        int8 = None if images.answers else _quantize(bundle, images, progress)
        engine = "onnx-shared" if images.answers else "onnx-int8" if int8 and int8.kept else "onnx"
        serving = ENGINES[engine](bundle / ENGINES[engine].file_name)
        calibration = fit_calibration(serving, images, [each.group for each in plan.samples], spec, progress)
        calibration.novelty.save(bundle / NOVELTY_NAME)
        _similar(plan, images, calibration).save(bundle / SIMILAR_NAME)
        metrics = _evaluate(plan, images, calibration, progress)
    card = Card(
        classifier=spec.name,
        created_at=datetime.now(UTC),
        demo=plan.demo,
        job=plan.job,
        spec=plan.spec,
        classes=spec.class_names,
        preprocessing=spec.preprocessing,
        backbone=plan.backbone,
        origin=_origin(plan),
        mode=plan.mode,
        epochs=plan.epochs,
        seed=plan.seed,
        parameters=parameters,
        engine=engine,
        int8=int8,
        operating_point=calibration.operating_point,
        map_offset=map_offset(serving, plan.image_size),
        temperature=calibration.temperature,
        calibration=calibration.calibration,
        thresholds=calibration.thresholds,
        metrics=metrics,
        history=history,
        data=fingerprint(plan.samples, spec.class_names, plan.source),
        reference=calibration.reference,
        code_revision=code_revision(),
        libraries=library_versions(),
        files=file_hashes(bundle, _written(bundle, engine)),
    )
    (bundle / CARD_NAME).write_text(card.model_dump_json(indent=1), encoding="utf-8")
    return card


def _written(bundle: Path, engine: str) -> list[str]:
    """The names of the files that the card vouches for; a network of the user's has no Keras form."""
    names = {*FILES, ENGINES[engine].file_name, *ENGINES[engine].beside}
    return sorted(name for name in names if (bundle / name).is_file())


def _origin(plan: Plan) -> Origin | None:
    """Where a network of the user's is from, as its description says."""
    own = get_backbone(plan.backbone, plan.weights_dir).own
    return None if own is None else Origin(title=own.title, source=own.source, licence=own.licence)


def _learn(plan: Plan, bundle: Path, scratch: Path, progress: Progress) -> tuple[Images, int, History]:
    """Read the images, train and write the network to `bundle`; return its number of parameters and its history."""
    spec, weights, head = plan.settled(), plan.weight_files(), None
    if weights:
        only_head = plan.mode == "head"  # fine-tuning stops early, by images that the head has not learned from either
        progress("preparing", 0, 1)
        frozen = freeze(plan.backbone, weights, plan.image_size, plan.cache_dir or scratch, float32=not only_head)
        report = progress if only_head else partial(_first, progress)
        head = learn_head(plan.samples, spec, frozen, report, whole=only_head)
        if only_head:
            progress("exporting", 0, 1)
            return head.images, graft(head.frozen, head.layer, bundle), head.history
    images = read_images(plan.samples, spec.class_names, spec.preprocessing, scratch, progress)
    progress("loading", 0, 1)
    from app.training.finetuning import finetune  # noqa: PLC0415  # loads TensorFlow

    return images, *finetune.learn(plan, images, head, bundle, progress)


def _first(progress: Progress, stage: str, done: int, total: int, epoch: dict[str, float] | None = None) -> None:
    """Report the stages of a head that fine-tuning starts from: those of the whole network come after them."""
    progress({"reading images": "computing features", "training": "training the head"}[stage], done, total, epoch)


def _quantize(bundle: Path, images: Images, progress: Progress) -> Int8:
    """Write the network in eight bits, too, if it is as good."""
    from app.training.networks.quantize import quantize  # noqa: PLC0415  # loads onnx

    return quantize(bundle, images, progress)


def _similar(plan: Plan, images: Images, calibration: Calibrated) -> Similar:
    """The training images, to show those that resemble a new one."""
    rows = images.rows["train"]
    samples = [plan.samples[row] for row in rows]
    return Similar.fit(
        calibration.embeddings[rows],
        [each.label for each in samples],
        [each.sha256 for each in samples],
        [each.path.name for each in samples],
    )


def _evaluate(plan: Plan, images: Images, found: Calibrated, progress: Progress) -> dict[str, Any]:
    """The figures on the test images and, where there are two sources or more, on a new source."""
    progress("evaluating", 0, 1)
    rows, spec = images.rows["test"], plan.spec
    probabilities, familiar = found.probabilities[rows], found.novelty_scores[rows] <= found.thresholds.novelty
    expect_retina = spec.preprocessing.crop == "retina"
    measures = [{name: float(values[row]) for name, values in images.measures.items()} for row in rows]
    gradable = np.array([assess(each, found.reference.quality, expect_retina).gradable for each in measures])
    decisions = decided(probabilities, familiar, gradable, found.thresholds, spec)
    metrics = whole_figures(probabilities, decisions, [plan.samples[row] for row in rows], spec, found.thresholds)
    if plan.test_set is not None:
        metrics["test_set"] = plan.test_set
    if found.elsewhere is None:
        return metrics
    sources, groups = ([getattr(each, name) for each in plan.samples] for name in ("source", "group"))
    return {
        **metrics,
        "new_source": new_source(images.labels.astype(np.int64), found.fair, found.elsewhere, sources, groups),
    }
