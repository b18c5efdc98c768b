"""Runs on the board, on Python 3.7 and newer: one convolution, to see that LiteRT fits its processor and system."""

import base64
import importlib
import importlib.util
import sys
import zlib

import numpy

# y = Conv2D(x), x 1 x 8 x 8 x 3, a kernel of 4 x 3 x 3 x 3 ones without padding, as float32; compressed by zlib.
MODEL = (
    "eNrtU7FqwzAUPEeiMbFITTClg0cPHgtdumXr1DEfEAKZCi2UQlLokM/o0I/o13Tun7in53OsTJkLfeL0pNM96Qk9NQBW9w+3ONoCNa5RoURAzrkn"
    "AzI9mgnQEh8OcIqIPid3Z2rgu+u66Eucswue4Nn3cV9Z5A7Lf/wljOatjRafs7LRPKkoz1nP18SeeI+vTkyJp+3r7vnl8ST2ymopoFBsre0bdq0N"
    "Z1y/tL1nOjeTJlN9uiSnibwbdZb3J7EmbjQ/sI7jDwjSvYnPrHJxrNsf6oL2HbQbeW9caXzMLySawe+k80muztb7HwjFpbnsk1xyYbhPqdgiidX9"
    "3S+2+Wqn"
)


def main() -> None:
    # The second is what the same interpreter was called until 2023.
    names = [name for name in ("ai_edge_litert", "tflite_runtime") if importlib.util.find_spec(name)]
    if not names:
        sys.exit("neither ai_edge_litert nor tflite_runtime is installed")
    library = importlib.import_module(names[0] + ".interpreter")
    interpreter = library.Interpreter(model_content=zlib.decompress(base64.b64decode(MODEL)), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numpy.ones((1, 8, 8, 3), numpy.float32))
    interpreter.invoke()
    answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    if answer.shape != (1, 6, 6, 4) or not (answer == 27).all():
        sys.exit("a convolution of ones gives %s and not 27" % answer.flat[0])


if __name__ == "__main__":
    main()
