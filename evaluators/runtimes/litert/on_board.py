"""LiteRT's part of the on-device program: a model loaded as the request says, and images as it takes them.

It runs on Python 3.7 and newer, and imports nothing but the program and its library: ai_edge_litert, or tflite_runtime,
which is what the same interpreter was called until 2023.
"""

import importlib
import importlib.util
import re
import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

from evaluators.device.program.answers import ModelError, one_line
from evaluators.device.program.runner import Feed, Runner

TITLE = "LiteRT"
# The newer one first.
LIBRARIES = ("ai_edge_litert", "tflite_runtime")
# What turns a byte into the int8 number that is smaller by 128.
SIGN = 128
# The operator that an error of the interpreter is about, where this build of it has none of that name.
LACKING = re.compile(r"(?:unresolved custom op|Select TensorFlow op).*Node number [0-9]+ \(([^)]*)\)")


def library() -> Tuple[str, Any]:
    """Its name, and its module of the interpreter."""
    present = [name for name in LIBRARIES if importlib.util.find_spec(name)]
    if not present:
        raise ImportError("neither %s is installed" % " nor ".join(LIBRARIES))
    for name in present[:-1]:
        try:
            return name, importlib.import_module(name + ".interpreter")
        except ImportError:
            continue
    # What it lacks is told by its own error.
    return present[-1], importlib.import_module(present[-1] + ".interpreter")


def version() -> str:
    """The older library's says so: the two count their versions apart."""
    name = library()[0]
    own = str(importlib.import_module(name).__version__)
    return own if name == LIBRARIES[0] else "%s+%s" % (own, name)


def providers() -> List[str]:
    library()
    return ["XNNPACK"]


def load(request: Dict[str, Any], shape: Sequence[int]) -> "LiteRtRunner":
    title = "%s %s" % (TITLE, version())
    try:
        interpreter = library()[1].Interpreter(model_path=request["model"], num_threads=request["threads"])
        channels_last = fit_input(interpreter, shape)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError("%s cannot load it: %s" % (title, reason(error))) from None
    if not interpreter.get_output_details():
        raise ModelError("it has no output; one is expected, the logits")
    return LiteRtRunner(title, interpreter, channels_last, request)


def reason(error: Exception) -> str:
    """What is lacking, where the interpreter explains at length how it could be built with it."""
    text = one_line(error)
    lacking = LACKING.search(text)
    return "the interpreter has no operator %s" % lacking.group(1) if lacking else text


def fit_input(interpreter: Any, image: Sequence[int]) -> bool:
    """The one input has to take one image as `image` is, channels x height x width, or leave its size open; whether its
    channels come last."""
    inputs = interpreter.get_input_details()
    if len(inputs) != 1:
        raise ModelError("it has %d inputs; one is expected, the image" % len(inputs))
    channels, height, width = image
    last, first = [1, height, width, channels], [1, *image]
    shape, signature = ([int(size) for size in inputs[0][name]] for name in ("shape", "shape_signature"))
    fitting = [wanted for wanted in (last, first) if fits(signature, wanted)]
    if not fitting:
        raise ModelError("its input is %s; %s is expected, or %s" % (signature, last, first))
    if inputs[0]["dtype"].__name__ not in ("float32", "int8", "uint8"):
        raise ModelError("its input is %s; float32, int8 or uint8 is expected" % inputs[0]["dtype"].__name__)
    if shape != fitting[0]:
        interpreter.resize_tensor_input(inputs[0]["index"], fitting[0])
    return fitting[0] == last


def fits(signature: Sequence[int], wanted: Sequence[int]) -> bool:
    """-1 is a size that whoever runs the model chooses."""
    return len(signature) == len(wanted) and all(have in (-1, want) for have, want in zip(signature, wanted))


class LiteRtRunner(Runner):
    """An image lies in memory as bytes, in the order that the model takes them; what makes int8 or float32 of them is
    part of what is timed."""

    def __init__(self, title: str, interpreter: Any, channels_last: bool, request: Dict[str, Any]) -> None:
        self.interpreter = interpreter
        self.input = interpreter.get_input_details()[0]
        self.output = interpreter.get_output_details()[0]
        self.channels_last = channels_last
        self.staged = staged(self.input, channels_last, request)
        super().__init__(title, answering(interpreter, self.staged, self.input["index"], self.output["index"]))

    def feeds(self, images: Any, request: Dict[str, Any]) -> List[Feed]:
        import numpy

        batch = numpy.array(images)
        if self.channels_last:
            batch = batch.transpose(0, 2, 3, 1)
        return [numpy.ascontiguousarray(batch[i : i + 1]) for i in range(len(batch))]

    def logits(self, answer: Any) -> Any:
        return answer

    def blames_the_model(self, error: Exception) -> bool:
        """What the interpreter raises has no type of its own."""
        return isinstance(error, (RuntimeError, ValueError))

    def timed_as_in_the_course(self, feed: Feed) -> Tuple[int, Any]:
        """`invoke()` alone."""
        clock = time.perf_counter_ns
        self.interpreter.set_tensor(self.input["index"], self.staged(feed))
        begin = clock()
        self.interpreter.invoke()
        spent = clock() - begin
        return spent, self.interpreter.get_tensor(self.output["index"])


def answering(interpreter: Any, stage: Callable[[Any], Any], read: int, written: int) -> Callable[[Any, Feed], Any]:
    """From an image as bytes in memory to the logits in memory."""
    set_tensor, invoke, get_tensor = interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor

    def run(_: Any, image: Feed) -> Any:
        set_tensor(read, stage(image))
        invoke()
        return get_tensor(written)

    return run


def staged(details: Dict[str, Any], channels_last: bool, request: Dict[str, Any]) -> Callable[[Any], Any]:
    """What makes the numbers that the model takes of an image's bytes, in memory that is used again for each image.

    A model of raw images takes bytes as they are: as float32, less 128 as int8. For any other the request says how they
    are normalised, and a model of whole numbers what those stand for.
    """
    import numpy

    kind, shape = details["dtype"], [int(size) for size in details["shape"]]
    if request["mean"] is None or request["std"] is None:
        return as_bytes(kind, shape)
    along = (1, 1, 1, -1) if channels_last else (1, -1, 1, 1)
    std = numpy.array(request["std"], numpy.float32).reshape(along)
    factor = 1 / (255 * std)
    shift = numpy.array(request["mean"], numpy.float32).reshape(along) / std
    scale, zero = details["quantization"]
    whole = kind != numpy.float32
    if whole:
        if not scale > 0:
            raise ModelError("its input is %s, and nothing says what those numbers stand for" % kind.__name__)
        factor, shift = factor / numpy.float32(scale), shift / numpy.float32(scale) - numpy.float32(zero)
    # A number for each place: with one for each channel NumPy takes three at a time.
    factor, shift = (numpy.array(numpy.broadcast_to(values, shape)) for values in (factor, shift))
    floats = numpy.empty(shape, numpy.float32)

    def normalised(image: Any) -> Any:
        numpy.multiply(image, factor, floats)
        numpy.subtract(floats, shift, floats)
        return floats

    if not whole:
        return normalised
    numbers, limits = numpy.empty(shape, kind), numpy.iinfo(kind)

    def quantized(image: Any) -> Any:
        numpy.rint(normalised(image), floats)
        numpy.clip(floats, limits.min, limits.max, floats)
        numpy.copyto(numbers, floats, casting="unsafe")
        return numbers

    return quantized


def as_bytes(kind: Any, shape: Sequence[int]) -> Callable[[Any], Any]:
    """For a model of raw images."""
    import numpy

    if kind == numpy.uint8:
        return lambda image: image
    numbers = numpy.empty(shape, kind)
    if kind == numpy.int8:
        # An array: a number, NumPy's own too, would be made into one for each image, a quarter of the step on an A53.
        levels, sign = numbers.view(numpy.uint8), numpy.array(SIGN, numpy.uint8)

        def less_128(image: Any) -> Any:
            numpy.bitwise_xor(image, sign, levels)
            return numbers

        return less_128

    def as_float(image: Any) -> Any:
        # Fewer instructions than numpy.copyto(), which looks first whether its arguments bring a copying of their own.
        numbers[...] = image
        return numbers

    return as_float
