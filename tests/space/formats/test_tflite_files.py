"""TensorFlow Lite files: written, quantized, counted; run by LiteRT."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from evaluators.runtimes.litert.host import predictions
from space.data.images import ImageShape
from space.errors import CandidateError
from space.formats.format import FORMATS, Original
from space.formats.quantizations import NONE
from space.formats.tflite.reading import graph_of
from space.networks.mobilenet_v1.shape import WIDTHS
from space.recipe import Recipe
from tests.conftest import NARROW
from tests.space.few_images import DATA, MEAN, STD, acquainted
from tests.space.logits import logits_of

PIXELS = DATA.train.pixels
TFLITE = FORMATS.get("tflite")
QUANTIZATIONS = [name for name in TFLITE.quantizations if name != NONE]


def original(model, mean=MEAN):
    return Original(network=model, mean=mean, std=STD, pixels=PIXELS, metadata={"recipe": "{}"})


def recipe_of(quantization, equalized=False):
    return Recipe(widths=NARROW, halvings=(), quantization=quantization, equalized=equalized, runtime="litert")


def written(path, model, quantization=NONE, equalized=False):
    TFLITE.write(original(model), path)
    TFLITE.quantize(original(model), recipe_of(quantization, equalized), path)
    return path


class Layers(nn.Sequential):
    """What the format can hold, in one network after the other."""

    def __init__(self, *layers, side=16):
        super().__init__(*layers)
        self.image, self.classes = ImageShape(3, side), 10


class FlattenedSum(Layers):
    """The sum of two maps that were flattened before."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(3, 4, 3, 4, 1), nn.Linear(64, 10))

    def forward(self, images):
        first, second, classifier = self
        return classifier(first(images).flatten(1) + second(images).flatten(1))


def head(channels):
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)


NETWORKS = {
    "even side, stride 2": lambda: Layers(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), *head(8)),
    "odd side, stride 2": lambda: Layers(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), *head(8), side=15),
    "no padding": lambda: Layers(nn.Conv2d(3, 8, 3, 2), nn.ReLU6(), *head(8)),
    "kernel of 5": lambda: Layers(nn.Conv2d(3, 8, 5, 1, 2), nn.ReLU(), *head(8)),
    "kernel of 2": lambda: Layers(nn.Conv2d(3, 8, 2, 2), nn.ReLU(), *head(8)),
    "one side longer": lambda: Layers(nn.Conv2d(3, 8, (3, 1), (1, 2), (1, 0)), nn.ReLU(), *head(8)),
    "depthwise, two of each": lambda: Layers(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1, groups=4), nn.BatchNorm2d(8), nn.ReLU(), *head(8)
    ),
    "groups": lambda: Layers(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1, groups=2), nn.ReLU(), *head(8)),
    "BatchNorm before all": lambda: Layers(nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3), nn.ReLU(), *head(8)),
    "no activation": lambda: Layers(nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 8, 1), *head(8)),
    "flattened map": lambda: Layers(nn.Conv2d(3, 4, 3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)),
    "maximum": lambda: Layers(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.ReLU(), *head(8)),
    "maximum of a padded map": lambda: Layers(nn.Conv2d(3, 8, 3), nn.MaxPool2d(3, 2, 1), *head(8)),
    "average": lambda: Layers(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AvgPool2d(2), nn.ReLU(), *head(8)),
    "average of a padded map": lambda: Layers(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AvgPool2d(3, 1, 1), *head(8)),
    "flattened map, clipped": lambda: Layers(nn.Conv2d(3, 4, 3, 4, 1), nn.Flatten(), nn.ReLU(), nn.Linear(64, 10)),
    "flattened map, flattened": lambda: Layers(
        nn.Conv2d(3, 4, 3, 4, 1), nn.Flatten(), nn.Dropout(), nn.Flatten(), nn.Linear(64, 10)
    ),
    "flattened maps, added": lambda: FlattenedSum(),
    "two linear": lambda: Layers(
        nn.Conv2d(3, 8, 3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 10)
    ),
}


@pytest.fixture(params=NETWORKS)
def model(request):
    torch.manual_seed(0)
    return NETWORKS[request.param]().eval()


def pixels_of(model):
    side = model.image.side
    return np.ascontiguousarray(PIXELS[:, :, :side, :side])


def test_every_layer_answers_as_it_does_in_torch(tmp_path, model):
    pixels = pixels_of(model)
    source = Original(network=model, mean=MEAN, std=STD, pixels=pixels, metadata={})
    path = tmp_path / "model.tflite"
    TFLITE.write(source, path)
    TFLITE.check(source, path)
    with torch.inference_mode():
        images = (torch.from_numpy(pixels) / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        np.testing.assert_allclose(logits_of(path, pixels), model(images).numpy(), atol=1e-5)


def test_every_layer_answers_much_alike_in_int8(tmp_path, model):
    pixels = pixels_of(model)
    source = Original(network=model, mean=MEAN, std=STD, pixels=pixels, metadata={})
    path = tmp_path / "model.tflite"
    TFLITE.write(source, path)
    expected = logits_of(path, pixels)
    TFLITE.quantize(source, recipe_of("static_int8"), path)
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    scale, _ = interpreter.get_output_details()[0]["quantization"]
    # A few steps of the answer, each 1/255 of its range: what the roundings of three or four layers add up to.
    assert np.abs(logits_of(path, pixels) - expected).mean() < 3 * scale


def test_a_file_that_answers_otherwise_is_refused(tmp_path, network):
    model = network(NARROW)
    path = written(tmp_path / "model.tflite", model)
    model.classifier.bias.data[3] += 0.01
    with pytest.raises(CandidateError, match="differs from the network"):
        TFLITE.check(original(model), path)


@pytest.mark.parametrize("equalized", [False, True], ids=["plain", "equalized"])
def test_int8_answers_are_those_of_the_onnx_file_of_the_same_whole_numbers(tmp_path, network, equalized):
    """Both are made of the same levels; the runtimes round each sum once, each in its own way."""
    model = acquainted(network(NARROW))
    onnx_file = tmp_path / "model.onnx"
    onnx = FORMATS.get("onnx")
    onnx.write(original(model), onnx_file)
    onnx.quantize(original(model), replace(recipe_of("static_int8", equalized), runtime="onnxruntime"), onnx_file)
    path = written(tmp_path / "model.tflite", model, "static_int8", equalized)
    expected, answers = logits_of(onnx_file, PIXELS), logits_of(path, PIXELS)
    assert np.corrcoef(expected.ravel(), answers.ravel())[0, 1] > 0.998
    assert (answers.argmax(1) == expected.argmax(1)).mean() > 0.9
    assert (predictions(path, PIXELS) == answers.argmax(1)).all()


def test_static_int8_is_signed_and_has_a_scale_for_each_channel(tmp_path, network):
    path = written(tmp_path / "model.tflite", network(NARROW), "static_int8")
    with graph_of(path) as graph:
        kinds = {tensor.Type() for tensor in graph.tensors}
        kernels = [
            graph.tensors[graph.reads(operator)[1]]
            for operator in graph.operators
            if graph.code(operator) in (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
        ]
        image = graph.tensors[graph.inputs[0]].Quantization()
    # Sizes and axes are int32, as biases are.
    assert kinds == {schema.TensorType.INT8, schema.TensorType.INT32}
    assert [kernel.Quantization().ScaleLength() for kernel in kernels[:3]] == [8, 8, 16]
    assert image.Scale(0) == 1.0


@pytest.mark.parametrize("quantization", [NONE, "static_int8"])
@pytest.mark.parametrize("widths", [None, NARROW], ids=["unpruned", "narrow"])
def test_xnnpack_computes_all_of_it_in_one_piece(tmp_path, network, widths, quantization):
    model = network(widths) if widths else network()
    path = written(tmp_path / "model.tflite", model, quantization)
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (piece,) = [node for node in interpreter._get_ops_details() if node["op_name"] == "DELEGATE"]
    assert interpreter.get_input_details()[0]["index"] in piece["inputs"]
    assert piece["outputs"].tolist() == [interpreter.get_output_details()[0]["index"]]


def test_dynamic_int8_leaves_small_weights_as_they_are(tmp_path, network):
    path = written(tmp_path / "model.tflite", network(NARROW), "dynamic_int8")
    with graph_of(path) as graph:
        kernels = [
            (graph.tensors[graph.reads(operator)[1]].Type(), int(np.prod(graph.shape(graph.reads(operator)[1]))))
            for operator in graph.operators
            if len(graph.reads(operator)) == 3
        ]
    assert {kind for kind, size in kernels if size < 1024} == {schema.TensorType.FLOAT32}
    assert {kind for kind, size in kernels if size >= 1024} == {schema.TensorType.INT8}


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_a_quantized_file_answers_much_like_the_network(tmp_path, network, quantization):
    model = acquainted(network(NARROW))
    before = predictions(written(tmp_path / "model.tflite", model), PIXELS)
    after = predictions(written(tmp_path / "model.tflite", model, quantization), PIXELS)
    assert (before == after).mean() > 0.5


def test_cost_counts_what_the_papers_count(tmp_path, network):
    path = written(tmp_path / "model.tflite", network())
    figures = TFLITE.cost(path)
    assert figures.macs == 46_354_432
    assert figures.file_bytes == path.stat().st_size
    # BatchNorm is folded: two trained entries per channel have become one bias.
    assert figures.weights == 3_217_226 - (2 * sum(WIDTHS) - WIDTHS[-1])


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_cost_of_a_quantized_file_counts_the_same_macs(tmp_path, network, quantization):
    before = TFLITE.cost(written(tmp_path / "model.tflite", network(NARROW)))
    after = TFLITE.cost(written(tmp_path / "model.tflite", network(NARROW), quantization))
    assert (before.macs, before.weights) == (after.macs, after.weights)


def test_where_no_mean_is_subtracted_nothing_is_left_to_do_for_an_image(tmp_path, network):
    source = original(network(NARROW), mean=(0.0, 0.0, 0.0))
    path = tmp_path / "model.tflite"
    TFLITE.write(source, path)
    TFLITE.check(source, path)
    with graph_of(path) as graph:
        assert graph.code(graph.operators[0]) == schema.BuiltinOperator.CONV_2D


@pytest.mark.parametrize("quantization", TFLITE.quantizations)
def test_the_file_takes_raw_images(tmp_path, network, quantization):
    image_input = TFLITE.image_input(written(tmp_path / "model.tflite", network(NARROW), quantization))
    assert (image_input.shape, image_input.raw) == (ImageShape(3, 32), True)
