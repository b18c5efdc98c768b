import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from space.data.drawn_images import generate
from space.data.images import DataSet, ImageShape
from space.networks.mobilenet_v1.layers import layers
from space.networks.mobilenet_v1.network import MobileNetV1
from space.training import training
from space.training.accelerator import FEW_VALUES, values_of

CPU = torch.device("cpu")
FEW = (16, 16, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 48, 0), (0, 1, 6, 12)
MANY = (16, 32, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 128, 0), (1, 6, 12)


class Watched(nn.Sequential):
    """Notes how many threads there are when it is trained."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.threads: set[int] = set()

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            self.threads.add(torch.get_num_threads())
        answers: Tensor = self[0](images)
        return answers


@pytest.fixture(scope="module")
def data() -> DataSet:
    whole = generate()
    few = np.arange(64)
    return dataclasses.replace(whole, train=whole.train.take(few), validation=whole.validation.take(few))


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("shape", "threads"), [(FEW, {1}), (MANY, {2})])
def test_a_network_of_few_values_is_trained_by_one_thread(
    shape: tuple[tuple[int, ...], tuple[int, ...]], threads: set[int], data: DataSet, two_threads: None
) -> None:
    model = Watched(MobileNetV1(*shape))
    training.fine_tune(model, data, epochs=1, learning_rate=0.01, seed=0, device=CPU)
    assert model.threads == threads
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("widths", "halvings"), [FEW, MANY])
def test_values_are_those_of_all_layers(widths: tuple[int, ...], halvings: tuple[int, ...]) -> None:
    model = MobileNetV1(widths, halvings)
    expected = sum(layer.values for layer in layers(widths, halvings))
    assert values_of(model, ImageShape(3, 32)) == expected
    assert (expected <= FEW_VALUES) == ((widths, halvings) == FEW)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
