"""ONNX files: written, quantized, counted."""
