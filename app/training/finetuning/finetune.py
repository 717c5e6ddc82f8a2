"""Trains a network with Keras. Importing this module loads TensorFlow."""

from __future__ import annotations

from pathlib import Path

from app.training.data.samples import Images
from app.training.finetuning.fitting import Fitting
from app.training.heads.head import FrozenHead
from app.training.networks import assembly, export, runtime
from app.training.plan import Plan
from app.training.progress import History, Progress


def learn(plan: Plan, images: Images, head: FrozenHead | None, bundle: Path, progress: Progress) -> tuple[int, History]:
    """Train from random weights, or fine-tune the network of `head`, and export it to `bundle`.

    Return the number of parameters and the figures of each epoch.
    """
    spec = plan.settled()
    with runtime.session(plan.seed):
        network = assembly.build_network(plan.backbone, plan.image_size, len(spec.classes), plan.weight_files())
        fitting = Fitting(network, images, spec.training, plan.checkpoints, progress)
        if head is None:
            history = fitting.from_random_weights()
        else:
            kernel, bias = head.start
            network.get_layer(assembly.HEAD).set_weights([kernel, bias])
            history = fitting.fine_tune(head.history)
        progress("exporting", 0, 1)
        export.export(network, bundle)
    return network.count_params(), history
