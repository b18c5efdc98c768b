"""Averaging: what is kept of the weights that a training went through."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from space.data.drawn_images import generate
from space.data.images import DataSet
from space.data.schedule import Schedule
from space.networks.mobilenet_v1.network import MobileNetV1
from space.training import training
from space.training.averaging import Average
from space.training.validation import Validation
from tests.space.few_images import MEAN, STD

CPU = torch.device("cpu")
WIDTHS = (8, 8, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0)
HALVINGS = (1, 2, 4)


def number(value: float) -> nn.Module:
    module = nn.BatchNorm1d(1)
    with torch.no_grad():
        module.weight.fill_(value)
        assert module.running_mean is not None
        module.running_mean.fill_(-value)
    return module


def averaged(values: list[float], reach: float) -> tuple[float, float]:
    """A weight and one of BatchNorm's figures, looked at after every fifth step."""
    network = number(0.0)
    average = Average(network, reach)
    for step, value in enumerate(values, start=1):
        network.load_state_dict(number(value).state_dict())
        average.look(5 * step, last=False)
        average.look(5 * step + 1, last=False)  # not looked at
    average.put_back()
    weight, figure = network.state_dict()["weight"], network.state_dict()["running_mean"]
    return float(weight), float(figure)


def test_the_first_looks_count_the_same() -> None:
    assert averaged([1.0], 1000) == (1.0, -1.0)
    assert averaged([1.0, 3.0], 1000) == pytest.approx((2.0, -2.0))
    assert averaged([1.0, 3.0, 8.0], 1000) == pytest.approx((4.0, -4.0))


def test_what_was_seen_the_reach_ago_counts_for_a_third() -> None:
    # 400 looks at 0, 20 at 1: 100 steps are one reach.
    weight, figure = averaged([0.0] * 400 + [1.0] * 20, 100)
    assert weight == -figure == pytest.approx(1 - math.exp(-1), abs=0.02)


def test_a_training_of_fewer_steps_than_there_are_between_looks_is_seen() -> None:
    network = number(1.0)
    average = Average(network, 100)
    network.load_state_dict(number(3.0).state_dict())
    average.look(3, last=True)
    assert float(average.model.state_dict()["weight"]) == 3.0


@pytest.fixture(scope="module")
def data() -> DataSet:
    whole = generate()
    return dataclasses.replace(
        whole, train=whole.train.take(np.arange(120)), validation=whole.validation.take(np.arange(60))
    )


def test_a_training_ends_in_the_average_which_its_epochs_are_judged_by(data: DataSet) -> None:
    torch.manual_seed(0)
    initial = MobileNetV1(WIDTHS, HALVINGS).state_dict()
    weights, histories = [], []
    for averaging in (0.0, 2.0):
        schedule = Schedule(sizes=(32,) * 3, batch=20, peak_rate=0.1, warm_up=0.2, averaging=averaging)
        model = MobileNetV1(WIDTHS, HALVINGS)
        model.load_state_dict(initial)
        histories.append(training.Training(model, data, schedule, 0, MEAN, STD, CPU).run(None, None))
        weights.append(nn.utils.parameters_to_vector(model.parameters()))
        validation = Validation(data.validation, MEAN, STD, CPU)
        assert histories[-1][-1].validation_accuracy == validation.accuracy(model)
    # The steps are the same, and the average lies nearer to where they began.
    assert [epoch.loss for epoch in histories[0]] == [epoch.loss for epoch in histories[1]]
    start = nn.utils.parameters_to_vector([initial[name] for name, _ in model.named_parameters()])
    last, mean = ((vector - start).norm() for vector in weights)
    assert 0.1 * last < mean < last
