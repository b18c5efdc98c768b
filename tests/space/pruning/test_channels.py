import math

import pytest
import torch
from torch import nn

from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.pruning import channel_fraction_pruning, remove_channel, shrink

IMAGES = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_unpruned_network_has_the_published_number_of_parameters():
    assert parameters(MobileNetV1()) == 3_217_226


@pytest.mark.parametrize(
    ("fraction", "count"),
    [(0.05, 2_902_069), (0.1, 2_606_173), (0.2, 2_066_884), (0.3, 1_588_917), (0.4, 1_174_647), (0.5, 823_722)],
)
def test_removal_leaves_the_published_number_of_parameters(network, fraction, count):
    assert parameters(remove_channel(channel_fraction_pruning(network(), fraction))) == count


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.3, 0.5, 0.9, 0.999])
def test_masked_and_removed_models_give_the_same_outputs(network, fraction):
    masked = channel_fraction_pruning(network(), fraction)
    removed = remove_channel(masked)
    with torch.inference_mode():
        torch.testing.assert_close(removed(IMAGES), masked(IMAGES), atol=1e-5, rtol=0)


def test_removal_leaves_the_masked_model_as_it_was(network):
    masked = channel_fraction_pruning(network(), 0.5)
    before = {name: tensor.clone() for name, tensor in masked.state_dict().items()}
    remove_channel(masked)
    assert all(torch.equal(before[name], tensor) for name, tensor in masked.state_dict().items())


def test_masking_takes_the_channels_with_the_lowest_l1_norm(network):
    model = network()
    norms = model.get_submodule("block04.pointwise").weight.detach().abs().sum(dim=(1, 2, 3))
    channel_fraction_pruning(model, 0.25)
    alive = model.get_submodule("block04.pointwise").weight.detach().abs().sum(dim=(1, 2, 3)) > 0
    assert norms[alive].min() >= norms[~alive].max()
    assert int(alive.sum()) == 192


def test_masking_reaches_the_following_depthwise_and_every_batchnorm_entry(network):
    model = channel_fraction_pruning(network(), 0.5)
    masked = model.get_submodule("block03.pointwise").weight.detach().abs().sum(dim=(1, 2, 3)) == 0
    assert int(masked.sum()) == 64
    for name in ("block03.pointwise_bn", "block04.depthwise_bn"):
        norm = model.get_submodule(name)
        assert all(bool((tensor[masked] == 0).all()) for tensor in (norm.weight, norm.bias, norm.running_mean))
    assert bool((model.get_submodule("block04.depthwise").weight[masked] == 0).all())


def test_at_least_one_channel_stays(network):
    removed = remove_channel(channel_fraction_pruning(network(), 0.9999))
    assert removed.widths == (1,) * len(WIDTHS)


def test_kept_channels_are_the_floor_of_the_exact_product(network):
    # In binary 10 x (1 - 0.9) is a little less than 1, 30 x (1 - 0.9) a little less than 3.
    model = channel_fraction_pruning(network((30,) * 14), 0.9)
    assert remove_channel(model).widths == (3,) * 14


@pytest.mark.parametrize("fraction", [-0.1, 1.0, math.nan])
def test_a_fraction_outside_its_range_is_refused(network, fraction):
    with pytest.raises(ValueError, match="fraction"):
        channel_fraction_pruning(network(), fraction)


def test_shrinking_judges_a_filter_by_the_inputs_that_stay(network):
    model = network()
    widths = tuple(width // 2 for width in WIDTHS)
    smaller = shrink(model, widths, HALVINGS)
    channels = torch.arange(3)
    for unit in model.units():
        filters = model.get_submodule(unit.writers[0].layer).weight[:, channels]
        norms = filters.abs().sum(dim=(1, 2, 3))
        channels = norms.topk(widths[unit.index]).indices.sort().values
        assert torch.equal(smaller.get_submodule(unit.writers[0].layer).weight, filters[channels]), unit.name
    assert torch.equal(smaller.classifier.weight, model.classifier.weight[:, channels])


def test_shrinking_to_the_same_shape_changes_nothing(network):
    model = network()
    with torch.inference_mode():
        assert torch.equal(shrink(model, WIDTHS, HALVINGS)(IMAGES), model(IMAGES))


def test_a_removed_block_leaves_the_others_their_weights(network):
    model = network()
    widths = list(WIDTHS)
    widths[8] = 0
    smaller = shrink(model, widths, HALVINGS)
    assert "block08" not in dict(smaller.named_children())
    for name in ("stem.conv", "block07.pointwise", "block09.depthwise", "block09.pointwise", "classifier"):
        assert torch.equal(smaller.get_submodule(name).weight, model.get_submodule(name).weight)
    # Block 8 passed on as it came: then the network without it is the same network.
    expected = IMAGES
    with torch.inference_mode():
        for name, child in model.named_children():
            expected = expected if name == "block08" else child(expected)
        torch.testing.assert_close(smaller(IMAGES), expected, atol=1e-6, rtol=0)


def test_the_image_can_be_halved_earlier(network):
    smaller = shrink(network(), WIDTHS, (0, 3, 5, 8))
    with torch.inference_mode():
        assert smaller.get_submodule("stem")(IMAGES).shape[-1] == 16
        assert smaller(IMAGES).shape == (4, 10)


def test_a_block_that_changes_the_width_can_go(network):
    widths = (16, 24, *[0] * 4, 40, *[0] * 7)
    smaller = shrink(network(), widths, (0, 1, 6))
    assert smaller(IMAGES).shape == (len(IMAGES), 10)
    assert smaller.get_submodule("block06.pointwise").weight.abs().sum() > 0
