"""A network that another package brings, with a residual sum and a flattened map."""

from pathlib import Path

import pytest

from space.networks.choose import network_named
from space.networks.network import Network
from tests.contracts.network import NetworkContract
from tests.packages import SECOND_OF_EACH, as_installed


@pytest.fixture(autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    for place in as_installed(SECOND_OF_EACH, tmp_path_factory.mktemp("installed")):
        monkeypatch.syspath_prepend(place)
    return SECOND_OF_EACH


class TestSecondNetwork(NetworkContract):
    @pytest.fixture
    def network(self) -> Network:
        return network_named("tiny_residual")
