"""Accuracy of real files: torch's answers beside ONNX Runtime's, and who is believed; what is kept of the answers."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.overrides import TorchFunctionMode

from evaluators.accuracy import accuracy
from evaluators.measurement import Accuracy
from evaluators.runtimes import cores
from evaluators.runtimes.onnx_runtime import engine
from evaluators.runtimes.onnx_runtime.host import predictions, runtime_version
from evaluators.runtimes.onnx_runtime.onnx_in_torch import TorchGraph
from evaluators.runtimes.onnx_runtime.torch_operators import OPERATORS, UnknownOperatorError
from space.data.augmentation import normalise
from space.data.images import Images
from space.formats.onnx.export import export, logits
from space.formats.onnx.quantization import quantize
from space.networks.mobilenet_v1.network import MobileNetV1
from space.recipe import Recipe
from space.training.accelerator import accelerator
from tests.conftest import NARROW, stirred
from tests.space.few_images import MEAN, STD, original_of
from tests.space.networks.small import NETWORKS

CPU = torch.device("cpu")
HALVINGS = (2, 4, 6, 12)
KINDS = ("none", "dynamic_uint8", "static_int8")
CHECKED, COUNT = 200, 260


@pytest.fixture(scope="module")
def images() -> Images:
    """Built-in images are slow to draw by the thousand; patches of colour differ as much."""
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (COUNT, 3, 8, 8), dtype=np.uint8)
    return Images(patches.repeat(4, axis=2).repeat(4, axis=3), np.arange(COUNT, dtype=np.int64) % 10)


@pytest.fixture(scope="module")
def network(images: Images) -> MobileNetV1:
    """An untrained network, but with BatchNorm and last layer such that it tells the images apart."""
    torch.manual_seed(0)
    model = MobileNetV1(NARROW, HALVINGS).train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    pixels = normalise(torch.from_numpy(images.pixels), MEAN, STD)
    with torch.no_grad():
        model(pixels)
        answers = model.eval()(pixels)
        spread = answers.std(0)
        model.classifier.weight /= spread[:, None]
        model.classifier.bias.copy_((model.classifier.bias - answers.mean(0)) / spread)
    return model


@pytest.fixture(scope="module", params=KINDS)
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, network: MobileNetV1, images: Images
) -> Path:
    path = tmp_path_factory.mktemp("deployed") / f"{request.param}.onnx"
    export(network, path, mean=MEAN, std=STD, metadata={})
    recipe = Recipe(widths=NARROW, halvings=HALVINGS, quantization=request.param)
    quantize(original_of(network, images.pixels), recipe, path)
    return path


@pytest.fixture
def plain(tmp_path: Path, network: MobileNetV1) -> Path:
    path = tmp_path / "plain.onnx"
    export(network, path, mean=MEAN, std=STD, metadata={})
    return path


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHECKED", CHECKED)


def one_at_a_time(path: Path, pixels: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": pixels[place : place + 1]})[0] for place in range(len(pixels))])


def test_torch_answers_many_as_onnx_runtime_answers_each(deployed: Path, images: Images) -> None:
    expected = one_at_a_time(deployed, images.pixels)
    answered = TorchGraph(deployed, CPU).logits(images.pixels)
    assert np.bincount(expected.argmax(1), minlength=10).min() > 0
    assert (answered.argmax(1) == expected.argmax(1)).mean() >= 0.995
    assert np.abs(answered - expected).max() <= 1e-4 * np.abs(expected).max()


class LikeCuda(TorchFunctionMode):
    """Divides by a number as CUDA does, by its reciprocal, and rounds sums in float32 another way each time."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func.__name__ in ("__truediv__", "div") and isinstance(args[1], int | float):
            return args[0] * torch.full_like(args[0], 1 / args[1])
        result = func(*args, **(kwargs or {}))
        if func.__name__ in ("conv2d", "__matmul__", "matmul", "mean", "sum") and result.dtype == torch.float32:
            result = result + result.abs().amax() * 3e-7 * torch.randn_like(result)
        return result


def test_a_gpus_way_of_dividing_and_adding_up_changes_no_bit(deployed: Path, images: Images) -> None:
    """A scale that differed in its last bit moved levels: 198 of 200 answers of a dynamic_uint8 file were the same."""
    expected = TorchGraph(deployed, CPU).logits(images.pixels)
    with LikeCuda():
        answered = TorchGraph(deployed, CPU).logits(images.pixels)
    assert (answered == expected).all()


def test_every_core_answers(deployed: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pieces of several threads are put together in the order of the images."""
    threads: set[int] = set()
    session = onnxruntime.InferenceSession

    def noted(*arguments: Any, **options: Any) -> Any:
        threads.add(threading.get_ident())
        together.wait(30)
        return session(*arguments, **options)

    together = threading.Barrier(3)
    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    monkeypatch.setattr(cores, "usable", lambda: 3)
    shares: list[float] = []
    answered = predictions(deployed, images.pixels, shares.append)
    assert len(threads) == 3
    assert shares == sorted(shares)
    assert shares[-1] == 1
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    assert (answered == one_at_a_time(deployed, images.pixels).argmax(1)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_torch_knows_every_operator_that_export_writes(tmp_path: Path, name: str, kind: str) -> None:
    torch.manual_seed(0)
    path, pixels = tmp_path / "model.onnx", np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    model = stirred(NETWORKS[name]())
    export(model, path, mean=MEAN, std=STD, metadata={})
    quantize(original_of(model, pixels), Recipe(widths=(), halvings=(), quantization=kind), path)
    expected = one_at_a_time(path, pixels)
    # Sums and pools of integers are rounded once more than here: a level of the last value that is rounded.
    assert np.abs(TorchGraph(path, CPU).logits(pixels) - expected).max() <= 0.02 * np.abs(expected).max()


def test_whoever_answers_is_named(deployed: Path, images: Images) -> None:
    by_torch, by_runtime = accuracy(deployed, images, device=CPU), accuracy(deployed, images)
    assert by_torch.engine.startswith("torch cpu (")
    assert f"agrees with ONNX Runtime {runtime_version()} on " in by_torch.engine
    assert abs(by_torch.correct - by_runtime.correct) <= 0.005 * COUNT
    if accelerator() == CPU:
        assert by_runtime.engine == f"ONNX Runtime {runtime_version()}, CPU"


def test_a_network_whose_answers_differ_is_refused(
    deployed: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Altered(TorchGraph):
        def __init__(self, path: Path, device: torch.device) -> None:
            proto = onnx.load(path)
            for tensor in proto.graph.initializer:
                values = numpy_helper.to_array(tensor)
                if tensor.name.startswith("classifier.weight") and values.ndim == 2:
                    moved = np.roll(values, 1, axis=values.shape.index(10))
                    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(moved), tensor.name))
            altered = path.with_name("altered.onnx")
            onnx.save(proto, altered)
            super().__init__(altered, device)

    monkeypatch.setattr("evaluators.runtimes.onnx_runtime.onnx_in_torch.TorchGraph", Altered)
    result = accuracy(deployed, images, device=CPU)
    assert result.engine.startswith(f"ONNX Runtime {runtime_version()}, CPU (torch cpu agrees on ")
    assert result.correct == int((predictions(deployed, images.pixels) == images.labels).sum())


def test_an_unknown_operator_is_named_and_onnx_runtime_answers(plain: Path, images: Images) -> None:
    proto = onnx.load(plain)
    next(node for node in proto.graph.node if node.op_type == "Relu").op_type = "Softsign"
    onnx.save(proto, plain)
    with pytest.raises(UnknownOperatorError, match="operator Softsign"):
        TorchGraph(plain, CPU)
    assert "CPU (operator Softsign is not known to torch" in accuracy(plain, images, device=CPU).engine


def test_an_unknown_attribute_is_not_passed_over(plain: Path) -> None:
    proto = onnx.load(plain)
    gemm = next(node for node in proto.graph.node if node.op_type == "Gemm")
    gemm.attribute.append(onnx.helper.make_attribute("alpha", 0.5))
    onnx.save(proto, plain)
    with pytest.raises(UnknownOperatorError, match="alpha of operator Gemm"):
        TorchGraph(plain, CPU)


def test_every_operator_does_what_onnx_runtimes_does(tmp_path: Path, images: Images) -> None:
    """One chain of the operators that no file of ours holds today."""
    numbers = {
        "pads": np.array([0, 0, 1, 2, 0, 0, 3, 4]),
        "least": np.float32(20),
        "most": np.float32(200),
        "divisor": np.float32(7),
        "kernels": np.random.default_rng(2).normal(size=(4, 3, 3, 3)).astype(np.float32),
    }
    chain = [
        ("Identity", (), {}),
        ("Cast", (), {"to": onnx.TensorProto.FLOAT}),
        ("Pad", ("pads",), {}),
        ("Conv", ("kernels",), {"pads": [1, 0, 2, 1], "strides": [2, 2], "dilations": [1, 2]}),
        ("AveragePool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("Clip", ("least", "most"), {}),
        ("Div", ("divisor",), {}),
        ("Transpose", (), {"perm": [0, 2, 3, 1]}),
        ("ReduceMean", (), {"axes": [1], "keepdims": 0}),
        ("Flatten", (), {}),
    ]
    nodes = [
        onnx.helper.make_node(kind, ["image" if place == 0 else f"v{place}", *others], [f"v{place + 1}"], **attributes)
        for place, (kind, others, attributes) in enumerate(chain)
    ]
    nodes[-1].output[0] = "logits"
    graph = onnx.helper.make_graph(
        nodes,
        "chain",
        [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["batch", 3, 32, 32])],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in numbers.items()],
    )
    path = tmp_path / "chain.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    expected = logits(path, images.pixels[:4])
    np.testing.assert_allclose(TorchGraph(path, CPU).logits(images.pixels[:4]), expected, rtol=1e-4)


def test_sums_that_float32_cannot_hold_are_exact() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.integers(200, 256, (3, 1025)), rng.integers(200, 256, (1025, 10))
    function, _ = OPERATORS["MatMulInteger"]
    sums = function(torch.from_numpy(x.astype(np.uint8)), torch.from_numpy(weight.astype(np.uint8)))
    assert isinstance(sums, torch.Tensor)
    assert (sums.numpy() == x @ weight).all()


@pytest.mark.gpu
@pytest.mark.skipif(accelerator() == CPU, reason="this machine has no accelerator")
def test_the_accelerator_answers(deployed: Path, images: Images) -> None:
    assert accuracy(deployed, images).engine.startswith(f"torch {accelerator().type} (")


# The figures are those of scipy.stats.binomtest(correct, total).proportion_ci(method="wilson").
@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (7050, 10_000, 0.695984, 0.713858), (1, 2, 0.094531, 0.905469)],
)
def test_the_interval_is_wilsons(correct: int, total: int, low: float, high: float) -> None:
    assert Accuracy(correct=correct, total=total, engine="").interval == pytest.approx((low, high), abs=1e-6)


def test_what_is_kept_of_the_answers() -> None:
    result = Accuracy.of(predicted=[0, 1, 1, 2, 0], labels=[0, 0, 1, 1, 3], engine="test")
    assert (result.correct, result.total) == (2, 5)
    assert result.confusion == ((1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 0), (1, 0, 0, 0))
    assert result.per_class == (0.5, 0.5, None, 0.0)
    assert Accuracy.from_json(result.to_json()) == result


def test_answers_that_are_no_classes_make_no_table() -> None:
    result = Accuracy.of(predicted=[0, 10**9], labels=[0, 1], engine="test")
    assert (result.correct, result.confusion, result.per_class) == (1, None, None)


def test_what_was_stored_without_a_table_is_read() -> None:
    old = Accuracy.from_json(json.dumps({"correct": 7, "total": 10, "engine": "ONNX Runtime 1.31.1, CPU"}))
    assert (old.share, old.confusion, old.per_class) == (0.7, None, None)
