"""Training: datasets, splits, networks, evaluation and the promotion gate. No other package imports Keras.

`app.training.networks.runtime` loads Keras, only when a training runs. The modules that other packages import
(datasets, splits, backbones, trainer, evaluation) can be imported without it.
"""
