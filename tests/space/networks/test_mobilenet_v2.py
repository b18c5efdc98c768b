import pytest

from space.networks.mobilenet_v2.description import MOBILENET_V2
from space.networks.network import Network
from tests.contracts.network import NetworkContract


class TestMobileNetV2(NetworkContract):
    @pytest.fixture
    def network(self) -> Network:
        return MOBILENET_V2
