"""Floor 2: datasets, splits, backbones, training, evaluation and the promotion gate. The only room that imports keras.

Keras is loaded by `app.training.runtime` alone, and only when a training runs: the modules that other rooms
import (datasets, labels, splits, backbones, trainer, evaluation, gate) do not need it to be imported.
"""
