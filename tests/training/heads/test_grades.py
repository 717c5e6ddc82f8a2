"""Heads for grades: what is fitted, what the graph computes, and what their maps mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.special import expit

from app.inference.arrays import Floats, Integers
from app.training.heads import fitters
from app.training.heads.solver import Data, fit_head
from app.training.networks.heads import GradeHead
from app.training.progress import silent

CUTS = np.array([-1.0, 0.5, 1.2, 3.0])


def graded(n: int, seed: int) -> tuple[Floats, Integers]:
    """Features, of which the first two say how severe, and grades drawn by proportional odds."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (n, 6))
    severity = features @ np.array([1.5, -1.0, 0, 0, 0, 0])
    return features, (rng.random(n)[:, None] > expit(CUTS - severity[:, None])).sum(axis=1)


def test_the_fit_finds_the_model_that_drew_the_grades() -> None:
    features, labels = graded(20_000, 1)
    head = fitters.GradeFitter().fit(10.0, features, labels, np.ones(len(labels)))
    assert isinstance(head, GradeHead)
    assert head.direction == pytest.approx([1.5, -1, 0, 0, 0, 0], abs=0.06)
    assert head.cuts == pytest.approx(CUTS, abs=0.1)


def test_the_penalty_is_chosen_on_patients_kept_out_and_the_standardisation_is_folded_in() -> None:
    features, labels = graded(600, 5)
    moved = (features * 3 + 7).astype(np.float32)
    fold = np.arange(500), np.arange(500, 600)
    data = Data(moved, (), labels, [str(row // 2) for row in range(600)], fold, ordered=True)
    fit = fit_head(data, whole=True, balance=False, seed=1, progress=silent)
    answers = fit.head.probabilities(moved)
    assert answers.shape == (600, 5)
    assert answers.sum(axis=1) == pytest.approx(1, abs=1e-5)
    loss = -np.log(fit.kept_out[np.arange(600), labels]).mean()
    best = min(fit.history, key=lambda each: each["val_loss"])
    assert loss == pytest.approx(best["val_loss"], rel=1e-3)
    assert loss < 1.3 < np.log(5)


def test_the_graph_answers_the_same_and_the_mean_of_a_map_is_the_odds_of_such_a_grade(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    features = rng.normal(0, 1, (7, 3, 3, 4)).astype(np.float32)
    head = GradeHead(rng.normal(0, 1, 4).astype(np.float32), CUTS.astype(np.float32))
    part, embeddings = head.part(), features.mean(axis=(1, 2))
    graph = helper.make_graph(
        part.nodes,
        "head",
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in part.arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "h.onnx")
    (found,) = onnxruntime.InferenceSession(tmp_path / "h.onnx").run(None, {"embedding": embeddings})
    expected = head.probabilities(embeddings)
    assert found == pytest.approx(expected, abs=1e-5)
    assert found.min() >= 0
    kernel, bias = head.maps()
    logits = (features @ kernel + bias).mean(axis=(1, 2))
    at_least = expected[:, ::-1].cumsum(axis=1)[:, ::-1]
    assert expit(logits[:, 1:]) == pytest.approx(at_least[:, 1:], abs=1e-4)
    assert expit(logits[:, 0]) == pytest.approx(expected[:, 0], abs=1e-4)
