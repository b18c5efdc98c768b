from dataclasses import replace

import pytest
import torch

from space.networks.choose import built
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.layers import CLASSES, IMAGE, strides
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import Network, unpruned
from space.networks.prunable import Prunable
from space.recipe import Recipe
from tests.conftest import stirred
from tests.contracts.network import NetworkContract


class TestMobileNetV1(NetworkContract):
    @pytest.fixture
    def network(self) -> Network:
        return MOBILENET_V1


class TestLinearDepthwise(TestMobileNetV1):
    """The same without the ReLU after its depthwise layers, in every way in which it is pruned, counted and written."""

    def model(self, network: Network, recipe: Recipe, seed: int = 0) -> Prunable:
        return super().model(network, recipe, seed).without_depthwise_relu()


def test_without_the_relu_a_depthwise_layer_hands_on_what_is_below_zero() -> None:
    clipped = replace(unpruned(MOBILENET_V1), widths=(16, 32, *[0] * 12), halvings=(0, 1))
    least = {}
    for recipe in (clipped, replace(clipped, depthwise_relu=False)):
        model = stirred(built(recipe, IMAGE, CLASSES))
        layer = model.get_submodule("block01.depthwise_relu")
        layer.register_forward_hook(
            lambda _, __, values, clipping=recipe.depthwise_relu: least.update({clipping: values.min().item()})
        )
        with torch.inference_mode():
            model(torch.rand(8, 3, 32, 32))
        assert model.reshaped((8, 16, *[0] * 12), (0,)).depthwise_relu == recipe.depthwise_relu
    assert least[True] == 0 > least[False]


def test_networks_of_equal_strides_are_one_whichever_blocks_are_left() -> None:
    first, second = list(WIDTHS), list(WIDTHS)
    first[7], second[8] = 0, 0
    assert strides(first, HALVINGS) == strides(second, HALVINGS) != strides(WIDTHS, HALVINGS)
