"""Static int8 files: their arithmetic, their ranges and their equalization."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from space.formats.onnx import exactness
from space.formats.onnx.calibration import largest_per_channel, ranges
from space.formats.onnx.cost import load
from space.formats.onnx.equalization import equalized, pairs
from space.formats.onnx.export import export, logits
from space.formats.onnx.graph import Graph
from space.formats.onnx.quantization import quantize
from space.formats.onnx.static_int8 import integer_values, with_one_zero
from tests.conftest import NARROW
from tests.space.few_images import MEAN, PIXELS, RECIPE, STD, acquainted
from tests.space.formats import integers


@pytest.fixture
def network(network):
    return lambda widths=NARROW: acquainted(network(widths))


@pytest.fixture
def fp32(tmp_path, network):
    export(network(NARROW), tmp_path / "fp32.onnx", mean=MEAN, std=STD, metadata={})
    return tmp_path / "fp32.onnx"


@pytest.fixture
def int8(tmp_path, fp32):
    path = tmp_path / "int8.onnx"
    path.write_bytes(fp32.read_bytes())
    quantize(path, RECIPE, PIXELS, {})
    return path


def test_the_kernels_answer_as_integer_arithmetic_does(int8):
    expected = integers.answers(int8, PIXELS)
    found = logits(int8, PIXELS)
    # Halves may be rounded to either side.
    assert np.abs(found - expected).mean() < 0.01 * expected.std(axis=0).mean()
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


def test_raw_images_are_read_as_they_are_but_for_the_border(tmp_path, fp32, network):
    centred = with_one_zero(Graph(load(fp32)))
    assert centred is not None
    graph, _, levels = centred
    onnx.save(graph.proto, tmp_path / "raw.onnx")
    assert levels == (-121.0, 134.0)
    before, after = logits(fp32, PIXELS), logits(tmp_path / "raw.onnx", PIXELS)
    assert 0 < np.abs(after - before).mean() < 0.2 * before.std(axis=0).mean()
    # One mean for all channels leaves nothing at the border either.
    export(network(NARROW), fp32, mean=(100 / 255,) * 3, std=STD, metadata={})
    one = with_one_zero(Graph(load(fp32)))
    assert one is not None
    onnx.save(one[0].proto, tmp_path / "raw.onnx")
    np.testing.assert_allclose(logits(tmp_path / "raw.onnx", PIXELS), logits(fp32, PIXELS), atol=1e-4)


def test_equalization_changes_ranges_and_no_answer(tmp_path, fp32):
    graph = Graph(load(fp32))
    read = {pair.value: pair.depthwise for pair in pairs(graph)}
    assert len(read) == 17
    level = equalized(graph, largest_per_channel(graph.proto, list(read), PIXELS))
    onnx.save(level.proto, tmp_path / "level.onnx")
    np.testing.assert_allclose(logits(tmp_path / "level.onnx", PIXELS), logits(fp32, PIXELS), atol=1e-4)
    for value, channels in largest_per_channel(level.proto, list(read), PIXELS).items():
        alive = channels[channels > 1e-6]
        # Before a depthwise layer all channels are as wide as the widest.
        assert not read[value] or alive.max() < 1.01 * alive.min()


def test_uneven_channels_lose_less_where_they_are_equalized(tmp_path, network):
    model = network(NARROW)
    with torch.no_grad():
        # One channel of each is a hundred times wider, and heeded a hundred times less.
        for before, after in pairwise([model.block01, model.block02, model.block03, model.block04, model.block05]):
            before.pointwise_bn.weight[0] *= 100
            before.pointwise_bn.bias[0] *= 100
            after.depthwise.weight[0] /= 100
    errors = []
    for level in (False, True):
        path = tmp_path / "model.onnx"
        export(model, path, mean=MEAN, std=STD, metadata={})
        before = logits(path, PIXELS)
        quantize(path, replace(RECIPE, equalized=level), PIXELS, {})
        errors.append(np.abs(logits(path, PIXELS) - before).mean())
    assert errors[1] < 0.5 * errors[0]


def test_every_range_holds_zero_and_what_was_seen(fp32):
    graph = Graph(load(fp32))
    values = integer_values(graph)
    few, found = ranges(graph.proto, values, PIXELS[:10]), ranges(graph.proto, values, PIXELS)
    assert list(found) == list(values)
    assert all(found[name][0] <= low <= 0 <= high <= found[name][1] for name, (low, high) in few.items())


def test_a_channel_without_weights_keeps_its_bias(tmp_path, network):
    model = network()
    with torch.no_grad():
        model.block01.depthwise.weight[:] = 0
    path = tmp_path / "model.onnx"
    export(model, path, mean=MEAN, std=STD, metadata={})
    expected = Graph(load(path)).weight("block01.depthwise.bias")
    quantize(path, RECIPE, PIXELS, {})
    graph = Graph(load(path))
    found = graph.weight("block01.depthwise.bias_levels") * graph.weight("block01.depthwise.bias_scale")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
