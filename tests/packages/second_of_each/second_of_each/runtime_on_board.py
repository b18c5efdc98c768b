"""The second runtime's part of the on-device program."""

from typing import Any, Dict, List, Sequence

from evaluators.device.program import runtimes
from evaluators.device.program.answers import ModelError
from evaluators.device.program.runner import Runner

TITLE = "Second Runtime"


def version() -> str:
    return "2." + runtimes.part("onnxruntime").version()


def providers() -> List[str]:
    return ["Second"]


def load(request: Dict[str, Any], shape: Sequence[int]) -> Runner:
    onnx_runtime = runtimes.part("onnxruntime")
    try:
        runner: Runner = onnx_runtime.load(request, shape)
    except ModelError as error:
        raise ModelError(str(error).replace(onnx_runtime.TITLE, TITLE)) from None
    runner.title = "%s %s" % (TITLE, version())
    return runner
