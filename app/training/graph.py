"""The names at the doors of every exported graph."""

INPUT, OUTPUTS, BODY_OUTPUTS = "image", ("probabilities", "embedding", "activation"), ("embedding", "features")
