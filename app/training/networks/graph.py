"""The names of the inputs and outputs of every exported graph, and of the files of a body without a head."""

INPUT, OUTPUTS, BODY_OUTPUTS = "image", ("probabilities", "embedding", "activation"), ("embedding", "features")
GRAPH, EIGHT_BITS, ARCHIVE = "body.onnx", "body.int8.onnx", "body.keras"
