"""ONNX Runtime's part of the on-device program: a model loaded as the request says, and images as it takes them.

It runs on Python 3.7 and newer, and imports nothing but the program and its library.
"""

import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

from evaluators.device.program.answers import ModelError, RequestRefused, one_line
from evaluators.device.program.runner import Feed, Runner

TITLE = "ONNX Runtime"


def version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def providers() -> List[str]:
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def load(request: Dict[str, Any], shape: Sequence[int]) -> "OnnxRunner":
    import onnxruntime

    levels = {
        "disable": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }
    if request["graph_optimization"] not in levels:
        raise RequestRefused("graph optimization %r, not %s" % (request["graph_optimization"], ", ".join(levels)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = levels[request["graph_optimization"]]
    options.log_severity_level = 3
    spinning = "1" if request["spinning"] else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    options.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    title = "%s %s" % (TITLE, version())
    try:
        session = onnxruntime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError("%s cannot load it: %s" % (title, one_line(error))) from None
    check_input(session, shape)
    if session.get_inputs()[0].type != "tensor(float)":
        return OnnxRunner(title, session)
    if request["mean"] is None or request["std"] is None:
        raise ModelError("its input is tensor(float), and nothing says how the raw images are to be normalised")
    return NormalisingOnnxRunner(title, session, normalising([1, *shape], request["mean"], request["std"]))


def check_input(session: Any, image: Sequence[int]) -> None:
    """The one input has to take one image as `image` is: channels x height x width."""
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


class OnnxRunner(Runner):
    def __init__(self, title: str, session: Any) -> None:
        super().__init__(title, session.run, [session.get_outputs()[0].name])
        self.input = session.get_inputs()[0]

    def feeds(self, images: Any, request: Dict[str, Any]) -> List[Feed]:
        import numpy

        batch = numpy.array(images)
        return [{self.input.name: numpy.ascontiguousarray(batch[i : i + 1])} for i in range(len(batch))]

    def logits(self, answer: Any) -> Any:
        return answer[0]

    def blames_the_model(self, error: Exception) -> bool:
        return type(error).__module__.startswith("onnxruntime")


def normalising(shape: Sequence[int], mean: Sequence[float], std: Sequence[float]) -> Callable[[Any], Any]:
    """What makes float32 numbers of an image's bytes, in memory that is used again for each image."""
    import numpy

    deviations = numpy.array(std, numpy.float32).reshape(1, -1, 1, 1)
    factor, shift = 1 / (255 * deviations), numpy.array(mean, numpy.float32).reshape(1, -1, 1, 1) / deviations
    numbers = numpy.empty(shape, numpy.float32)

    def normalised(image: Any) -> Any:
        numpy.multiply(image, factor, numbers)
        numpy.subtract(numbers, shift, numbers)
        return numbers

    return normalised


class NormalisingOnnxRunner(OnnxRunner):
    """Of a model that takes float32 numbers: from the image as bytes, as of any other."""

    def __init__(self, title: str, session: Any, normalised: Callable[[Any], Any]) -> None:
        super().__init__(title, session)
        self.session, self.normalised = session, normalised
        run, name = session.run, self.input.name

        def run_normalised(outputs: Any, feed: Feed) -> Any:
            return run(outputs, {name: normalised(feed[name])})

        self.run = run_normalised

    def timed_as_in_the_course(self, feed: Feed) -> Tuple[int, Any]:
        """`session.run()` alone."""
        ready, clock = {self.input.name: self.normalised(feed[self.input.name])}, time.perf_counter_ns
        begin = clock()
        answer = self.session.run(self.outputs, ready)
        return clock() - begin, answer
