"""Static int8 ONNX files: their arithmetic, and what ONNX Runtime makes of them."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from space.formats.onnx import exactness
from space.formats.onnx.cost import load
from space.formats.onnx.export import export, logits
from space.formats.onnx.quantization import quantize
from tests.conftest import NARROW
from tests.space.few_images import MEAN, PIXELS, RECIPE, STD, acquainted, original_of
from tests.space.formats.onnx import integers
from tests.space.networks.small import Small, averaged, conv


@pytest.fixture
def model(network):
    return acquainted(network(NARROW))


@pytest.fixture
def int8(tmp_path, model):
    quantize(original_of(model), RECIPE, tmp_path / "int8.onnx")
    return tmp_path / "int8.onnx"


def test_the_kernels_answer_as_integer_arithmetic_does(int8):
    expected = integers.answers(int8, PIXELS)
    computed = logits(int8, PIXELS)
    # Halves may be rounded to either side.
    assert np.abs(computed - expected).mean() < 0.01 * expected.std(axis=0).mean()
    assert exactness.inexact(int8, PIXELS) is None


def test_kernels_that_saturate_are_told_from_exact_ones(int8, monkeypatch):
    ours = exactness.answers

    def answers(path, pixels, level):
        if level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL:
            return ours(path, pixels, level)
        return integers.answers(path, pixels, saturating=True).argmax(1)

    monkeypatch.setattr(exactness, "answers", answers)
    warning = exactness.inexact(int8, PIXELS)
    assert warning is not None
    assert "int8.onnx" in warning
    assert "of 40 images" in warning


def test_only_integers_pass_between_layers(tmp_path, int8):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(int8), options, providers=["CPUExecutionProvider"])
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    # The image's own levels become signed where the kernels are.
    image = {"QuantizeLinear", "DequantizeLinear"}
    integer = {"QLinearConv", "QLinearGlobalAveragePool", "QGemm", "Transpose", "Flatten"}
    assert set(kinds) <= image | integer
    assert all(kinds[kind] <= 1 for kind in image)
    assert kinds["QLinearConv"] == 17


def test_uneven_channels_lose_less_where_they_are_equalized(tmp_path, model):
    with torch.no_grad():
        # One channel of each is a hundred times wider, and heeded a hundred times less.
        for before, after in pairwise([model.block01, model.block02, model.block03, model.block04, model.block05]):
            before.pointwise_bn.weight[0] *= 100
            before.pointwise_bn.bias[0] *= 100
            after.depthwise.weight[0] /= 100
    path, errors = tmp_path / "model.onnx", []
    export(model, path, mean=MEAN, std=STD, metadata={})
    before = logits(path, PIXELS)
    for equalized in (False, True):
        quantize(original_of(model), replace(RECIPE, equalized=equalized), path)
        errors.append(np.abs(logits(path, PIXELS) - before).mean())
    assert errors[1] < 0.5 * errors[0]


def test_clippings_that_no_levels_do_stay_in_the_file(tmp_path):
    torch.manual_seed(0)
    path, few = tmp_path / "model.onnx", np.ascontiguousarray(PIXELS[:, :, ::4, ::4])
    # Clippings of what a pool chose, of what is read by another layer too, and of the answer.
    model = Small(
        lambda net, x: torch.relu(net.head(F.relu6(y := torch.relu(net.most(net.one(x)))) + y)),
        one=conv(), most=nn.MaxPool2d(2), head=averaged(),
    ).eval()  # fmt: skip
    export(model, path, mean=MEAN, std=STD, metadata={})
    before = logits(path, few)
    quantize(original_of(model, few), RECIPE, path)
    assert Counter(node.op_type for node in load(path).graph.node)["Relu"] == 2
    after = logits(path, few)
    assert after.min() == 0
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99
