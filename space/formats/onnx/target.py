"""ONNX Runtime, as far as recipes and the making of files go; how it runs them is in `evaluators/runtimes/`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnnxRuntimeTarget:
    name: str = "onnxruntime"
    title: str = "ONNX Runtime"
    format: str = "onnx"
    settings: tuple[str, ...] = ("threads", "spinning", "graph_optimization")


ONNX_RUNTIME = OnnxRuntimeTarget()
