import pytest

from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.layers import strides
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import Network
from tests.contracts.network import NetworkContract


class TestMobileNetV1(NetworkContract):
    @pytest.fixture
    def network(self) -> Network:
        return MOBILENET_V1


def test_networks_of_equal_strides_are_one_whichever_blocks_are_left() -> None:
    one, other = list(WIDTHS), list(WIDTHS)
    one[7], other[8] = 0, 0
    assert strides(one, HALVINGS) == strides(other, HALVINGS) != strides(WIDTHS, HALVINGS)
