"""Networks: backbones, their assembly, export to ONNX, frozen bodies and eight-bit copies."""
