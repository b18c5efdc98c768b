"""Runs the model beside this file, for run_on_pi.py: with LiteRT, at the settings that its recipe asks for.

Python 3.7 and newer; with ai_edge_litert, or the older tflite_runtime.
"""

import importlib
import json
import os
from typing import Any, Tuple

# What is timed.
CALL = "interpreter.invoke()"


class Model:
    def __init__(self, path: str) -> None:
        self.interpreter = library().Interpreter(model_path=path, num_threads=threads_beside(path))
        self.interpreter.allocate_tensors()
        self.run = self.interpreter.invoke
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def feed(self, image: Any) -> Tuple[Any, ...]:
        """What `run` is called with for one image, channels x height x width. ValueError where it takes none such."""
        import numpy

        wanted, kind = [int(size) for size in self.input["shape"]], self.input["dtype"]
        channels, height, width = image.shape
        if wanted != [1, height, width, channels]:
            raise ValueError("an image is %s, the model takes %s: height, width, channels" % (image.shape, wanted[1:]))
        numbers = image.transpose(1, 2, 0)[numpy.newaxis]
        # The model is one of raw images: bytes as they are, or less 128 where it takes numbers from -128 on.
        numbers = (numbers ^ 128).view(kind) if kind == numpy.int8 else numbers.astype(kind)
        self.interpreter.set_tensor(self.input["index"], numpy.ascontiguousarray(numbers))
        return ()

    def logits(self, answer: Any) -> Any:
        return self.interpreter.get_tensor(self.output["index"])[0]


def library() -> Any:
    """The newer one's error tells what to install, or why it cannot be loaded, where there is neither."""
    try:
        return importlib.import_module("ai_edge_litert.interpreter")
    except ImportError as error:
        try:
            return importlib.import_module("tflite_runtime.interpreter")
        except ImportError:
            raise error from None


def threads_beside(path: str) -> int:
    """What recipe.json says, which was handed in with the model; one where it is not there."""
    try:
        with open(os.path.join(os.path.dirname(os.path.abspath(path)), "recipe.json")) as file:
            content = json.load(file)
    except (OSError, ValueError):
        return 1
    recipe = content.get("recipe") if isinstance(content, dict) else None
    threads = recipe.get("threads") if isinstance(recipe, dict) else None
    return threads if isinstance(threads, int) else 1
