"""Runs the model beside this file, for run_on_pi.py: with ONNX Runtime, at the settings that its recipe asks for.

Python 3.7 and newer.
"""

import json
from typing import Any, Dict, Tuple

# What is timed.
CALL = "session.run()"


class Model:
    def __init__(self, path: str) -> None:
        import onnxruntime

        plain = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        recipe = json.loads(plain.get_modelmeta().custom_metadata_map.get("recipe", "{}"))
        session = onnxruntime.InferenceSession(path, options_of(recipe), providers=["CPUExecutionProvider"])
        self.run = session.run
        self.input = session.get_inputs()[0]

    def feed(self, image: Any) -> Tuple[Any, ...]:
        """What `run` is called with for one image, channels x height x width. ValueError where it takes none such."""
        import numpy

        shape, wanted = list(image.shape), list(self.input.shape)[1:]
        if len(shape) != len(wanted) or any(
            isinstance(want, int) and have != want for have, want in zip(shape, wanted)
        ):
            raise ValueError("an image is %s, the model takes %s: channels, height, width" % (shape, wanted))
        return None, {self.input.name: numpy.ascontiguousarray(image[numpy.newaxis])}

    def logits(self, answer: Any) -> Any:
        return answer[0][0]


def options_of(recipe: Dict[str, Any]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = recipe.get("threads", 1)
    options.inter_op_num_threads = 1
    spinning = "1" if recipe.get("spinning") else "0"
    levels = {
        "disable": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }
    options.graph_optimization_level = levels[recipe.get("graph_optimization", "all")]
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    return options
