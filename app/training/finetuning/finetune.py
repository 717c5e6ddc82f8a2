"""Trains a network with Keras. Importing this loads TensorFlow."""

from __future__ import annotations

from pathlib import Path

from app.classifiers import ClassifierSpec
from app.training.data.samples import Images
from app.training.finetuning import fitting
from app.training.heads.head import FrozenHead
from app.training.heads.solver import History
from app.training.networks import assembly, export, runtime
from app.training.progress import Progress


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
        network = assembly.build_network(training.backbone, images.squares.shape[1], len(spec.classes), weights)
        if head is None:
            history = fitting.fit(network, images, training, progress, run_dir)
        else:
            network.get_layer(assembly.HEAD).set_weights([head.layer.kernel, head.layer.bias])
            history = fitting.fine_tune(network, images, training, head.history, progress, run_dir)
        progress("exporting", 0, 1)
        export.export(network, bundle)
    return network.count_params(), history
