"""Ranges of what layers hand on, from images."""

import numpy as np
import pytest
import torch

from space.formats.calibration import largest_per_channel, ranges
from space.formats.folded import folded, observed
from tests.conftest import NARROW
from tests.space.few_images import MEAN, PIXELS, STD, acquainted


@pytest.fixture
def model(network):
    return folded(acquainted(network(NARROW)), MEAN, STD)


def test_every_range_holds_zero_and_what_was_seen(model):
    names = [step.name for step in model.steps]
    of_few, of_all = ranges(model, names, PIXELS[:10]), ranges(model, names, PIXELS)
    assert list(of_all) == names
    assert all(of_all[name][0] <= low <= 0 <= high <= of_all[name][1] for name, (low, high) in of_few.items())
    assert any(of_all[name] != of_few[name] for name in names)


def test_the_largest_of_a_channel_is_that_of_all_batches_and_signs(model):
    name = model.steps[0].name
    output = torch.cat([values for _, values in observed(model, PIXELS, [name])]).numpy()
    largest = largest_per_channel(model, [name], PIXELS)
    np.testing.assert_array_equal(largest[name], np.abs(output).max(axis=(0, 2, 3)))
    assert largest_per_channel(model, [], PIXELS) == {}
