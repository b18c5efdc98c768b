"""The session: a model loaded by ONNX Runtime as the request says, and images as it takes them."""

import contextlib
import os
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from evaluators.device.program.answers import ModelError, RequestRefused, one_line


def load_session(runtime: Any, request: Dict[str, Any]) -> Any:
    levels = {
        "disable": runtime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        "basic": runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "all": runtime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }
    if request["graph_optimization"] not in levels:
        raise RequestRefused("graph optimization %r, not %s" % (request["graph_optimization"], ", ".join(levels)))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = levels[request["graph_optimization"]]
    options.log_severity_level = 3
    spinning = "1" if request["spinning"] else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    options.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    if not os.path.isfile(request["model"]):
        # Lost on the way here: not what the recipe asked for.
        raise RequestRefused("no model file at %s" % request["model"])
    try:
        return runtime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError("ONNX Runtime %s cannot load it: %s" % (runtime.__version__, one_line(error))) from None


def input_type(session: Any, image: Sequence[int]) -> Tuple[str, str]:
    """(name, type) of the one input, which has to take one image as `image` is: 1 x 3 x 32 x 32."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ModelError("it has %d inputs; one is expected, the image" % len(inputs))
    shape = list(inputs[0].shape)
    wanted = [1, *image]
    channels, height, width = image
    if shape[1:] == [height, width, channels]:
        raise ModelError("its input %s is NHWC; export it as NCHW, %s" % (shape, wanted))
    if len(shape) != 4 or any(isinstance(have, int) and have != want for have, want in zip(shape, wanted)):
        raise ModelError("its input is %s; %s is expected (the first may be free)" % (shape, wanted))
    if inputs[0].type not in ("tensor(uint8)", "tensor(float)"):
        raise ModelError("its input is %s; tensor(uint8) or tensor(float) is expected" % inputs[0].type)
    return inputs[0].name, inputs[0].type


def open_images(path: str) -> Any:
    import numpy

    try:
        images = numpy.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestRefused("images %s cannot be read: %s" % (path, one_line(error))) from None
    if images.dtype != numpy.uint8 or images.ndim != 4 or len(images) == 0:
        raise RequestRefused(
            "images %s are %s %s; uint8, N x 3 x 32 x 32 is expected" % (path, images.dtype, images.shape)
        )
    return images


def feeds_of(images: Any, name: str, kind: str, request: Dict[str, Any]) -> List[Dict[str, Any]]:
    """One input dictionary per image, ready before the clock starts."""
    import numpy

    batch = numpy.array(images)
    if kind == "tensor(float)":
        if request["mean"] is None or request["std"] is None:
            raise ModelError("its input is %s, and nothing says how the raw images are to be normalised" % kind)
        mean = numpy.array(request["mean"], numpy.float32).reshape(1, -1, 1, 1)
        std = numpy.array(request["std"], numpy.float32).reshape(1, -1, 1, 1)
        batch = (batch.astype(numpy.float32) / numpy.float32(255) - mean) / std
    return [{name: numpy.ascontiguousarray(batch[i : i + 1])} for i in range(len(batch))]


@contextlib.contextmanager
def faults_of_the_model(runtime: Any) -> Iterator[None]:
    """Only ONNX Runtime's own failures are the model's: anything else is a bug or the board."""
    try:
        yield
    except (MemoryError, ModelError):
        raise
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise ModelError("ONNX Runtime %s cannot run it: %s" % (runtime.__version__, one_line(error))) from None
        raise


def predicted_class(outputs: List[Any]) -> int:
    scores = outputs[0]
    if scores.ndim != 2 or scores.shape[0] != 1 or scores.shape[1] < 1:
        raise ModelError("its output is %s; [1, classes] is expected" % (list(scores.shape),))
    return int(scores.argmax())
