"""Export, quantization and cost, on real files."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from space.errors import CandidateError, RequestError
from space.formats.onnx.cost import cost, load
from space.formats.onnx.export import check, export, logits
from space.formats.onnx.metadata import metadata
from space.formats.onnx.quantization import quantize
from space.networks.mobilenet_v1.shape import WIDTHS
from space.recipe import Recipe
from tests.conftest import NARROW
from tests.space.few_images import MEAN, STD, original_of

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
RECIPE = Recipe(widths=NARROW, halvings=(2, 4, 6, 12))


def exported(path, model):
    export(model, path, mean=MEAN, std=STD, metadata={"recipe": RECIPE.to_json()})
    return path


def test_the_file_answers_as_the_network_does(tmp_path, network):
    model = network(NARROW)
    path = exported(tmp_path / "model.onnx", model)
    with torch.inference_mode():
        images = (torch.from_numpy(PIXELS) / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        expected = model(images).numpy()
    np.testing.assert_allclose(logits(path, PIXELS), expected, atol=1e-4)


def test_a_file_that_answers_otherwise_is_refused(tmp_path, network):
    model = network(NARROW)
    path = exported(tmp_path / "model.onnx", model)
    model.classifier.bias.data[3] += 0.01
    with pytest.raises(CandidateError, match="differs from the network"):
        check(path, model, PIXELS, MEAN, STD)


def test_the_file_takes_raw_images_one_or_many(tmp_path, network):
    path = exported(tmp_path / "model.onnx", network(NARROW))
    assert load(path).graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    np.testing.assert_allclose(logits(path, PIXELS[:1]), logits(path, PIXELS)[:1], atol=1e-5)


@pytest.mark.parametrize("quantization", ["none", "dynamic_uint8", "static_int8"])
def test_the_recipe_is_in_the_metadata_of_the_file(tmp_path, network, quantization):
    recipe = Recipe(widths=NARROW, halvings=(2, 4, 6, 12), quantization=quantization)
    model = network(NARROW)
    path = exported(tmp_path / "model.onnx", model)
    quantize(original_of(model, PIXELS, recipe=recipe.to_json()), recipe, path)
    assert Recipe.from_json(metadata(path)["recipe"]) == recipe


@pytest.mark.parametrize("quantization", ["dynamic_uint8", "static_int8"])
def test_a_quantized_file_answers_much_like_the_network(tmp_path, network, quantization):
    model = network(NARROW)
    path = exported(tmp_path / "model.onnx", model)
    before = logits(path, PIXELS)
    quantize(original_of(model, PIXELS), Recipe(widths=NARROW, halvings=(), quantization=quantization), path)
    after = logits(path, PIXELS)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.97
    assert not np.allclose(before, after, atol=1e-6)


def test_static_int8_is_signed_per_channel_qdq(tmp_path, network):
    path, recipe = tmp_path / "model.onnx", Recipe(widths=NARROW, halvings=(), quantization="static_int8")
    quantize(original_of(network(NARROW), PIXELS), recipe, path)
    graph = load(path).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    kinds = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= kinds
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            assert tensors[node.input[2]].data_type == onnx.TensorProto.INT8
    scales = [tensor for name, tensor in tensors.items() if "weight_scale" in name and "block01.pointwise" in name]
    assert [list(tensor.dims) for tensor in scales] == [[16]]


def test_cost_counts_what_the_papers_count(tmp_path, network):
    path = exported(tmp_path / "model.onnx", network())
    figures = cost(path)
    assert figures.macs == 46_354_432
    assert figures.file_bytes == path.stat().st_size
    # BatchNorm is folded: two trained entries per channel have become one bias. The images' mean is stored as well.
    assert figures.weights == 3_217_226 - (2 * sum(WIDTHS) - WIDTHS[-1]) + 3


def test_cost_of_weights_that_constant_nodes_hold(tmp_path):
    weights = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32))
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["w"], value=weights),
            helper.make_node("Conv", ["x", "w"], ["y"]),
        ],
        "constant",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8, 8])],
    )
    onnx.save(helper.make_model(graph), tmp_path / "constant.onnx")
    figures = cost(tmp_path / "constant.onnx")
    assert (figures.macs, figures.weights) == (4 * 8 * 8 * 3, 12)


def test_cost_of_a_quantized_file_counts_the_same_macs(tmp_path, network):
    model = network(NARROW)
    path = exported(tmp_path / "model.onnx", model)
    before = cost(path).macs
    for quantization in ("dynamic_uint8", "static_int8"):
        exported(path, model)
        quantize(original_of(model, PIXELS), Recipe(widths=NARROW, halvings=(), quantization=quantization), path)
        assert cost(path).macs == before


def test_what_is_no_onnx_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text(json.dumps({"not": "a model"}))
    with pytest.raises(RequestError, match="is not an ONNX file") as refused:
        load(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(RequestError, match="cannot be read"):
        load(tmp_path / "absent.onnx")


def test_where_no_mean_is_subtracted_nothing_is_left_to_do_for_an_image(tmp_path, network):
    model, path = network(NARROW), tmp_path / "model.onnx"
    export(model, path, mean=(0.0, 0.0, 0.0), std=STD, metadata={})
    assert [node.op_type for node in load(path).graph.node][:2] == ["Cast", "Conv"]
    check(path, model, PIXELS, (0.0, 0.0, 0.0), STD)
