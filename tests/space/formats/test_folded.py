"""A folded network answers as the network that it was made of."""

import numpy as np
import pytest
import torch
from torch import nn

from space.data.augmentation import normalise
from space.formats.folded import folded, observed, outputs
from space.networks.steps import IMAGES
from tests.conftest import NARROW, stirred
from tests.space.few_images import MEAN, PIXELS, STD
from tests.space.networks.small import NETWORKS, Small, averaged, conv

FEW = np.ascontiguousarray(PIXELS[:, :, ::4, ::4])


def expected(model, pixels):
    with torch.inference_mode():
        return model(normalise(torch.from_numpy(pixels), MEAN, STD)).numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_it_answers_as_the_network_does(name):
    torch.manual_seed(0)
    model = stirred(NETWORKS[name]())
    network = folded(model, MEAN, STD)
    np.testing.assert_allclose(outputs(network, FEW), expected(model, FEW), atol=1e-4)
    assert not any(isinstance(step.layer, nn.BatchNorm2d) for step in network.steps)


def test_every_block_of_mobilenet_answers_as_it_did(network):
    model = network(NARROW)
    np.testing.assert_allclose(outputs(folded(model, MEAN, STD), PIXELS), expected(model, PIXELS), atol=1e-4)


def test_convolutions_of_the_images_take_the_scale_in_and_others_do_not():
    assert folded(NETWORKS["sum"](), MEAN, STD).scale is None
    for name in ("images that a pool reads", "images that several read"):
        np.testing.assert_allclose(folded(NETWORKS[name](), MEAN, STD).scale, 1 / (255 * np.array(STD)))


def test_what_is_observed_comes_batch_by_batch_as_the_layers_hand_it_on():
    torch.manual_seed(0)
    model = stirred(NETWORKS["one activation for all"]())
    batches = list(observed(folded(model, MEAN, STD), FEW, [IMAGES, "one", "relu"]))
    assert [(name, len(values)) for name, values in batches] == [
        *((name, 32) for name in (IMAGES, "one", "relu")),
        *((name, 8) for name in (IMAGES, "one", "relu")),
    ]
    first = dict(batches[:3])
    torch.testing.assert_close(first["relu"], first["one"].relu())
    assert first["one"].min() < 0
    assert (
        (first[IMAGES] + 255 * torch.tensor(MEAN).view(3, 1, 1)).round().int().equal(torch.from_numpy(FEW[:32]).int())
    )


def test_a_layer_that_writes_over_what_it_reads_leaves_it_to_the_observer():
    torch.manual_seed(0)
    model = Small(
        lambda net, x: net.head(net.relu(net.one(x))), one=conv(), relu=nn.ReLU(inplace=True), head=averaged()
    )
    values = dict(observed(folded(model, MEAN, STD), FEW[:32], ["one", "relu"]))
    assert values["one"].min() < 0 == values["relu"].min()


def test_who_alone_reads_a_result_is_known():
    network = folded(NETWORKS["sum with what it was made from"](), MEAN, STD)
    reader = network.only_reader("one")
    assert reader is not None
    assert reader.name == "relu"
    # Two read it, and nobody reads the answer.
    assert network.only_reader("relu") is network.only_reader(network.last.name) is None
    twice = Small(lambda net, x: net.head(torch.add(y := net.one(x), y)), one=conv(), head=averaged())
    assert folded(twice, MEAN, STD).only_reader("one") is None


def test_folding_draws_no_random_numbers():
    model = stirred(NETWORKS["batchnorm behind a sum"]())
    before = torch.get_rng_state()
    folded(model, MEAN, STD)
    assert torch.get_rng_state().equal(before)
