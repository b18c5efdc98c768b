"""Runs on the board, on Python 3.8 and newer: one convolution, to see that ONNX Runtime fits its processor."""

import base64
import sys

import numpy
import onnxruntime

# y = Conv(x, w), x 1 x 3 x 8 x 8, w 4 x 3 x 3 x 3, as float32; opset 13.
MODEL = (
    "CAcSADprCg8KAXgKAXcSAXkiBENvbnYSAWdaGwoBeBIWChQIARIQCgIIAQoCCAMKAggICgIICFobCgF3EhYKFAgBEhAKAggECgIIAwoCCAMKAggD"
    "YhsKAXkSFgoUCAESEAoCCAEKAggECgIIBgoCCAZCBAoAEA0="
)


def main() -> None:
    session = onnxruntime.InferenceSession(base64.b64decode(MODEL), providers=["CPUExecutionProvider"])
    feeds = {"x": numpy.ones((1, 3, 8, 8), numpy.float32), "w": numpy.ones((4, 3, 3, 3), numpy.float32)}
    (answer,) = session.run(None, feeds)
    if answer.shape != (1, 4, 6, 6) or not (answer == 27).all():
        sys.exit(f"a convolution of ones gives {answer.flat[0]} and not 27")


if __name__ == "__main__":
    main()
