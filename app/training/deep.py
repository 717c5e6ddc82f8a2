"""Trains a network with Keras. Importing this loads TensorFlow."""

from __future__ import annotations

from pathlib import Path

from app.classifiers import ClassifierSpec
from app.training import export, fitting, networks, runtime
from app.training.convex import History
from app.training.frozen_head import FrozenHead
from app.training.progress import Progress
from app.training.samples import Images


def learn(
    images: Images,
    spec: ClassifierSpec,
    weights: tuple[Path, ...],
    head: FrozenHead | None,
    bundle: Path,
    run_dir: Path | None,
    progress: Progress,
) -> tuple[int, History]:
    """Train from chance, or fine-tune the body of `head`, and export; return the parameters and the history."""
    training = spec.training
    with runtime.session(training.seed):
        network = networks.build_network(training.backbone, images.squares.shape[1], len(spec.classes), weights)
        if head is None:
            history = fitting.fit(network, images, training, progress, run_dir)
        else:
            network.get_layer(networks.HEAD).set_weights([head.layer.kernel, head.layer.bias])
            history = fitting.fine_tune(network, images, training, head.history, progress, run_dir)
        progress("exporting", 0, 1)
        export.export(network, bundle)
    return network.count_params(), history
