"""Training of whole networks with Keras: batches, fitting and checkpoints."""
