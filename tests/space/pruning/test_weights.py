import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from space.networks.mobilenet_v1.network import HALVINGS, MobileNetV1
from space.pruning import prune_weights, sparsity
from space.training.zeros import zeros_held
from tests.conftest import NARROW


def weights(model: nn.Module) -> np.ndarray:
    """The weights of all convolutions and linear layers, by their number of dimensions: BatchNorm's have one."""
    return np.concatenate([tensor.detach().numpy().ravel() for tensor in model.parameters() if tensor.dim() > 1])


@pytest.mark.parametrize("criterion", ["magnitude", "random"])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9])
def test_that_share_of_all_weights_becomes_zero_and_the_others_stay(network, fraction, criterion):
    model = network(NARROW)
    before, others = weights(model), [tensor.clone() for tensor in model.parameters() if tensor.dim() == 1]
    prune_weights(model, fraction, criterion)
    after = weights(model)
    assert np.count_nonzero(after == 0) == round(fraction * len(before))
    assert sparsity(model) == pytest.approx(fraction, abs=1 / len(before))
    np.testing.assert_array_equal(after[after != 0], before[after != 0])
    for old, new in zip(others, (tensor for tensor in model.parameters() if tensor.dim() == 1), strict=True):
        assert torch.equal(old, new)


def test_the_smallest_of_all_layers_together_go_first(network):
    model = network(NARROW)
    before = np.abs(weights(model))
    prune_weights(model, 0.4)
    threshold = np.sort(before)[round(0.4 * len(before)) - 1]
    np.testing.assert_array_equal(weights(model) == 0, before <= threshold)
    shares = {round(float((tensor == 0).float().mean()), 2) for tensor in model.parameters() if tensor.dim() > 1}
    assert len(shares) > 3


def test_random_weights_are_those_of_the_seed(network):
    zeros = []
    for seed in (0, 0, 1):
        model = network(NARROW)
        prune_weights(model, 0.5, "random", seed)
        zeros.append(weights(model) == 0)
    np.testing.assert_array_equal(zeros[0], zeros[1])
    # Two draws have as many in common as chance gives them.
    assert np.mean(zeros[0] == zeros[2]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, math.nan])
def test_a_fraction_outside_its_range_is_refused(network, fraction):
    with pytest.raises(ValueError, match="fraction"):
        prune_weights(network(NARROW), fraction)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.05),
    ],
    ids=["sgd", "adam"],
)
def test_training_leaves_held_zeros_alone_and_moves_the_rest(optimizer):
    torch.manual_seed(0)
    model = MobileNetV1(NARROW, HALVINGS)
    prune_weights(model, 0.5)
    before = weights(model)
    steps = optimizer(model.parameters())

    def train() -> None:
        for _ in range(3):
            loss = F.cross_entropy(model(torch.randn(8, 3, 32, 32)), torch.arange(8))
            steps.zero_grad()
            loss.backward()
            steps.step()

    with zeros_held(model):
        train()
    after = weights(model)
    np.testing.assert_array_equal(after == 0, before == 0)
    assert np.mean(after[before != 0] != before[before != 0]) > 0.99
    train()
    assert sparsity(model) < 0.1
