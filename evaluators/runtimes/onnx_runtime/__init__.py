"""ONNX Runtime: on this machine and on the board."""
