"""A deployed ONNX file run by torch on any device, many images at a time, answering as ONNX Runtime does on each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from evaluators.runtimes.onnx_runtime.torch_operators import OPERATORS, Function, UnknownOperatorError, Value, dense


class TorchGraph:
    """The graph of one file on one device."""

    def __init__(self, path: Path, device: torch.device) -> None:
        graph = onnx.load(path).graph
        self.device = device
        self._input, self._output = graph.input[0].name, graph.output[0].name
        self._values: dict[str, Value] = {
            tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()).to(device)
            for tensor in graph.initializer
        }
        self._steps: list[_Step] = []
        with torch.inference_mode():
            for node in graph.node:
                step = _Step.of(node)
                # What depends on no image is worked out once.
                if all(name in self._values for name in step.inputs if name):
                    step.run(self._values)
                else:
                    self._steps.append(step)
        self._last = {name: number for number, step in enumerate(self._steps) for name in step.inputs}

    def predictions(
        self, pixels: NDArray[np.uint8], batch: int = 250, progress: Callable[[float], None] = lambda share: None
    ) -> NDArray[np.int64]:
        """The class the file says for each image."""
        answers: list[NDArray[np.int64]] = []
        for begin in range(0, len(pixels), batch):
            answers.append(self.logits(pixels[begin : begin + batch]).argmax(1))
            progress(min(1.0, (begin + batch) / len(pixels)))
        return np.concatenate(answers)

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the file answers to a batch."""
        values = dict(self._values)
        values[self._input] = torch.from_numpy(pixels).to(self.device)
        with torch.inference_mode():
            for number, step in enumerate(self._steps):
                step.run(values)
                for name in step.inputs:
                    if self._last[name] == number and name not in self._values:
                        values.pop(name, None)
        outputs: NDArray[np.float32] = dense(values[self._output]).cpu().numpy()
        return outputs


@dataclass(frozen=True, slots=True)
class _Step:
    function: Function
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @classmethod
    def of(cls, node: onnx.NodeProto) -> "_Step":
        kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        if kind not in OPERATORS:
            raise UnknownOperatorError(f"operator {kind} is not known to torch here")
        function, known = OPERATORS[kind]
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        if strange := sorted(attributes.keys() - set(known.split())):
            raise UnknownOperatorError(f"{strange[0]} of operator {kind} is not known to torch here")
        return cls(function, tuple(node.input), tuple(node.output), attributes)

    def run(self, values: dict[str, Value]) -> None:
        arguments = [values[name] if name else None for name in self.inputs]
        result = self.function(*arguments, **self.attributes)
        values.update(zip(self.outputs, result if isinstance(result, tuple) else (result,), strict=False))
