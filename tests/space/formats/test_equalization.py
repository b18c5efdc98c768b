"""Equalization across layers."""

import numpy as np
import pytest

from space.formats.calibration import largest_per_channel
from space.formats.equalization import equalized, pairs
from space.formats.folded import folded, outputs
from tests.conftest import NARROW
from tests.space.few_images import MEAN, PIXELS, STD, acquainted
from tests.space.networks.small import NETWORKS


def test_equalization_changes_ranges_and_no_answer(network):
    plain = folded(acquainted(network(NARROW)), MEAN, STD)
    depthwise_readers = {pair.value: pair.depthwise for pair in pairs(plain)}
    assert len(depthwise_readers) == 17
    level = equalized(plain, largest_per_channel(plain, list(depthwise_readers), PIXELS))
    np.testing.assert_allclose(outputs(level, PIXELS), outputs(plain, PIXELS), atol=1e-4)
    for value, channels in largest_per_channel(level, list(depthwise_readers), PIXELS).items():
        alive = channels[channels > 1e-6]
        # Before a depthwise layer all channels are as wide as the widest.
        assert not depthwise_readers[value] or alive.max() < 1.01 * alive.min()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("functions", []),
        ("one activation for all", [("one", "two", "relu"), ("two", "head.2", "head.1")]),
        ("pools", []),
        ("sum", []),
        ("batchnorm behind a sum", [("norm", "head.2", "head.1")]),
    ],
)
def test_pairs_are_layers_between_which_nothing_but_a_scale_lies(name, expected):
    """A ReLU6 has an end of its own, a flattened map many columns for each channel, a sum two writers."""
    triples = [(pair.first.name, pair.second.name, pair.value) for pair in pairs(folded(NETWORKS[name](), MEAN, STD))]
    assert triples == expected
