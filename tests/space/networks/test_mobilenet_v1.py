import pytest

from space.dimensions import dimensions, recipe_of
from space.formats.onnx.cost import cost
from space.formats.onnx.export import export
from space.networks.mobilenet_v1.layers import layers, strides
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from tests.space.few_images import MEAN, STD
from tests.space.test_dimensions import drawn


@pytest.mark.parametrize("seed", range(4))
def test_what_a_shape_costs_is_what_the_file_of_that_network_costs(tmp_path, seed):
    (values,) = drawn(dimensions("full", 2), 1, seed)
    recipe = recipe_of(values)
    export(MobileNetV1(recipe.widths, recipe.halvings).eval(), tmp_path / "a.onnx", mean=MEAN, std=STD, metadata={})
    found = layers(recipe.widths, recipe.halvings)
    assert sum(layer.macs for layer in found) == cost(tmp_path / "a.onnx").macs


def test_networks_of_equal_strides_are_one_whichever_blocks_are_left():
    one, other = list(WIDTHS), list(WIDTHS)
    one[7], other[8] = 0, 0
    assert strides(one, HALVINGS) == strides(other, HALVINGS) != strides(WIDTHS, HALVINGS)
