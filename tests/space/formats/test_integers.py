"""What static int8 files hold, whatever their format."""

import numpy as np
import pytest
import torch
from torch import nn

from space.formats.folded import folded, outputs
from space.formats.integers import Levels, integer_values, integers, with_one_zero
from space.networks.steps import IMAGES
from tests.conftest import NARROW, stirred
from tests.space.few_images import MEAN, PIXELS, STD, acquainted
from tests.space.networks.small import NETWORKS, Small, averaged, conv

FEW = np.ascontiguousarray(PIXELS[:, :, ::4, ::4])


def small(name):
    torch.manual_seed(0)
    return folded(stirred(NETWORKS[name]()), MEAN, STD)


def test_raw_images_are_read_as_they_are_but_for_the_border(network):
    model = acquainted(network(NARROW))
    plain = folded(model, MEAN, STD)
    before, after = outputs(plain, PIXELS), outputs(with_one_zero(plain), PIXELS)
    assert 0 < np.abs(after - before).mean() < 0.2 * before.std(axis=0).mean()
    # One mean for all channels leaves nothing at the border either.
    plain = folded(model, (100 / 255,) * 3, STD)
    np.testing.assert_allclose(outputs(with_one_zero(plain), PIXELS), outputs(plain, PIXELS), atol=1e-4)


@pytest.mark.parametrize("name", ["images that a pool reads", "images that several read"])
def test_where_others_read_the_images_a_convolution_normalises_them(name):
    plain = small(name)
    grey = with_one_zero(plain)
    assert [step.name for step in grey.steps if IMAGES in step.reads] == ["normalised"]
    np.testing.assert_allclose(outputs(grey, FEW), outputs(plain, FEW), atol=1e-4)


def test_a_layer_of_that_name_keeps_it():
    model = Small(lambda net, x: net.head(net.normalised(x)), normalised=nn.MaxPool2d(2), head=averaged(3))
    grey = with_one_zero(folded(model, MEAN, STD))
    assert [step.name for step in grey.steps][:2] == ["normalised_images", "normalised"]


@pytest.mark.parametrize("equalize", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_value_has_levels_and_those_of_the_images_are_their_pixels(name, equalize):
    chosen = integers(small(name), FEW, equalize=equalize)
    assert chosen.values[IMAGES] == Levels(1.0, chosen.grey - 128)
    assert chosen.grey == 121
    assert {chosen.result(step) for step in chosen.steps} | {IMAGES} == set(chosen.values)
    assert {*integer_values(chosen.network)} <= set(chosen.values)
    assert {step.name for step in chosen.network.weighted} == set(chosen.weights)
    for step in chosen.network.weighted:
        quantized, real = chosen.weights[step.name], chosen.network.weights[step.name]
        scales = quantized.scales.reshape(-1, *[1] * (real.weight.ndim - 1))
        assert np.abs(quantized.levels * scales - real.weight).max() <= 0.51 * scales.max()
        np.testing.assert_allclose(quantized.bias * quantized.steps, real.bias, atol=0.51 * quantized.steps.max())
        np.testing.assert_allclose(quantized.steps, chosen.values[step.reads[0]].scale * quantized.scales, rtol=1e-6)


def test_what_clips_is_done_by_the_levels_of_what_it_reads():
    chosen = integers(small("sum with what it was made from"), FEW, equalize=False)
    assert {name: step.name for name, step in chosen.clipped.items()} == {"one": "relu", "add": "clip"}
    assert not any(isinstance(step.layer, nn.ReLU | nn.ReLU6) for step in chosen.steps)
    assert chosen.values["relu"].zero == chosen.values["clip"].zero == -128
    assert chosen.values["clip"].scale <= 6 / 255 + 1e-6


def test_what_several_read_before_it_is_clipped_is_clipped_by_a_layer():
    torch.manual_seed(0)
    path = lambda net, x: net.head(torch.relu(y := net.one(x)) + y)  # noqa: E731
    chosen = integers(folded(Small(path, one=conv(), head=averaged()), MEAN, STD), FEW, equalize=False)
    assert chosen.clipped == {}
    assert [type(step.layer) for step in chosen.steps][1] is nn.ReLU


@pytest.mark.parametrize(
    ("path", "clipping"),
    [
        # The scale of a pool is that of what it chooses from, whose levels begin elsewhere.
        (lambda net, x: net.head(torch.relu(net.most(net.one(x)))), "relu"),
        # Nobody needs levels of the answer.
        (lambda net, x: torch.relu(net.head(net.one(x))), "relu"),
    ],
)
def test_a_clipping_stays_where_levels_do_not_do_it(path, clipping):
    torch.manual_seed(0)
    model = Small(path, one=conv(), most=nn.MaxPool2d(2), head=averaged())
    chosen = integers(folded(model, MEAN, STD), FEW, equalize=False)
    assert clipping in {step.name for step in chosen.steps}
    assert chosen.clipped == {}


def test_what_only_chooses_among_values_keeps_their_levels():
    values = integers(small("pools"), FEW, equalize=False).values
    assert values["most"] == values["mean"] != values["one"]
    assert values["head.0"] == values["most"]


def test_a_channel_without_weights_keeps_its_bias(network):
    model = acquainted(network(NARROW))
    with torch.no_grad():
        model.block01.depthwise.weight[:] = 0
    plain = folded(model, MEAN, STD)
    quantized = integers(plain, PIXELS, equalize=False).weights["block01.depthwise"]
    np.testing.assert_allclose(quantized.bias * quantized.steps, plain.weights["block01.depthwise"].bias, rtol=1e-6)
    assert not quantized.levels.any()
