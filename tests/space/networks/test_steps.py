"""What a network does, found by following it: written, rounded and read back."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from space.data.augmentation import normalise
from space.errors import CandidateError
from space.formats.onnx.cost import cost, load
from space.formats.onnx.export import check, export, logits
from space.formats.onnx.quantization import quantize
from space.networks.steps import steps
from space.recipe import Recipe
from space.training import quantization_aware
from tests.conftest import stirred
from tests.space.few_images import MEAN, STD, original_of
from tests.space.networks.small import NETWORKS, Small, averaged, conv

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 3, 4, 4), dtype=np.uint8).repeat(2, axis=2).repeat(2, axis=3)
INT8 = Recipe(widths=(), halvings=(), quantization="static_int8")


@pytest.fixture(params=NETWORKS)
def model(request):
    torch.manual_seed(0)
    return stirred(NETWORKS[request.param]())


@pytest.fixture
def file(tmp_path, model):
    export(model, tmp_path / "model.onnx", mean=MEAN, std=STD, metadata={})
    return tmp_path / "model.onnx"


def test_the_file_answers_as_the_network_does(model, file):
    check(file, model, PIXELS, MEAN, STD)


def test_the_int8_file_answers_much_like_it(model, file):
    before, macs = logits(file, PIXELS), cost(file).macs
    quantize(original_of(model, PIXELS), INT8, file)
    assert np.corrcoef(before.ravel(), logits(file, PIXELS).ravel())[0, 1] > 0.99
    # What no convolution can do while it reads the images, another convolution does before.
    normalising = PIXELS[0].size if "normalised" in {node.name for node in load(file).graph.node} else 0
    assert cost(file).macs == macs + normalising


def left_over(model, path):
    """How far training with rounding is from the int8 file, as a share of what int8 changes."""
    export(model, path, mean=MEAN, std=STD, metadata={})
    before = logits(path, PIXELS)
    quantize(original_of(model, PIXELS), INT8, path)
    with torch.inference_mode():
        rounded = quantization_aware._folded(model)(normalise(torch.from_numpy(PIXELS), MEAN, STD)).numpy()
    return np.abs(rounded - logits(path, PIXELS)).mean() / np.abs(logits(path, PIXELS) - before).mean()


def test_training_sees_the_rounding_that_the_file_has(tmp_path, model):
    # Halves may be rounded to either side, and the images have levels of their own in the file.
    assert left_over(model, tmp_path / "model.onnx") < 1.5


def test_training_sees_both_sides_of_a_sum_rounded(tmp_path):
    torch.manual_seed(0)
    # The sum comes last, and rounds most: 0.24; where it is not rounded 0.83 of what int8 changes are left.
    assert left_over(stirred(NETWORKS["images that several read"]()), tmp_path / "model.onnx") < 0.5


def test_what_was_trained_with_rounding_is_what_is_left(model, monkeypatch):
    monkeypatch.setattr(quantization_aware, "_straight_through", lambda values, rounded: values)
    images = normalise(torch.from_numpy(PIXELS), MEAN, STD)
    folded = quantization_aware._folded(model)
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), model(images), atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        for parameter in folded.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        quantization_aware._unfold(folded, model)
    with torch.inference_mode():
        torch.testing.assert_close(model(images), folded(images), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["sum", "sum with what it was made from", "pools"])
def test_only_integers_pass_between_the_layers_of_an_int8_file(tmp_path, name):
    torch.manual_seed(0)
    path = tmp_path / "model.onnx"
    quantize(original_of(stirred(NETWORKS[name]()), PIXELS), INT8, path)
    assert not {node.op_type for node in load(path).graph.node} & {"Relu", "Clip"}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    options.log_severity_level = 3
    # This is how ARM cores compute. Elsewhere ONNX Runtime makes them unsigned first, which a value that several layers
    # read escapes.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "fused.onnx").graph.node}
    assert not kinds & {"Conv", "Add", "Relu", "Clip", "AveragePool", "GlobalAveragePool"}
    assert "QLinearConv" in kinds


def test_what_only_chooses_among_values_keeps_their_scale(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "model.onnx"
    quantize(original_of(stirred(NETWORKS["pools"]()), PIXELS), INT8, path)
    scales = {tensor.name: numpy_helper.to_array(tensor) for tensor in load(path).graph.initializer}
    assert scales["most_scale"] == scales["mean_layer_scale"] != scales["one_scale"]


def test_a_batchnorm_is_folded_where_it_reads_alone():
    folded = {name: {step.name: step for step in steps(make())} for name, make in NETWORKS.items()}
    assert folded["batchnorm of a convolution with a bias"]["one"].norm is not None
    for name in ("batchnorm behind a sum", "batchnorm that does not read alone"):
        assert isinstance(folded[name]["norm"].layer, nn.BatchNorm2d)


def test_an_activation_that_is_used_again_has_another_name_each_time():
    names = [step.name for step in steps(NETWORKS["one activation for all"]())]
    assert len({*names}) == len(names)
    assert names[1] == "relu"


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (lambda: Small(lambda net, x: net.head(x.sigmoid()), head=averaged(3)), "operator sigmoid"),
        (lambda: Small(lambda net, x: net.head(net.odd(x)), odd=nn.Hardswish(), head=averaged(3)), "Hardswish"),
        (lambda: Small(lambda net, x: net.head(x + 1), head=averaged(3)), "operator add"),
        (lambda: Small(lambda net, x: net.head(torch.flatten(x)), head=nn.Linear(3 * 64, 10)), "only whole images"),
        (lambda: Small(lambda net, x: net.head(net.norm(x)), norm=nn.BatchNorm2d(3, affine=False), head=averaged(3)),
         "without scales"),
        (lambda: Small(lambda net, x: net.head(net.one(x)), one=conv(dilation=2), head=averaged()), "dilation"),
        (lambda: Small(lambda net, x: net.head(net.one(x)), one=conv(padding_mode="reflect"), head=averaged()),
         "plain windows"),
        (lambda: Small(lambda net, x: net.head(x if x.sum() > 0 else -x), head=averaged(3)), "cannot be followed"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_named(tmp_path, network, named):
    with pytest.raises(CandidateError, match=named):
        export(network(), tmp_path / "model.onnx", mean=MEAN, std=STD, metadata={})
    assert not (tmp_path / "model.onnx").exists()
