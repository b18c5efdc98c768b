"""A network that another package brings, with a residual sum and a flattened map."""

from collections.abc import Iterator

import pytest

from space.errors import RequestError
from space.networks.choose import network_named, title_of, unpruned_widths
from space.networks.network import Network
from tests.contracts.network import NetworkContract
from tests.packages.installed import installed


class TestSecondNetwork(NetworkContract):
    @pytest.fixture
    def network(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
        with installed(tmp_path_factory.mktemp("installed")):
            yield network_named("tiny_residual")


def test_an_unknown_network_is_named_with_those_that_are_known() -> None:
    with pytest.raises(RequestError, match="network 'another' is not known; known are mobilenet_v1"):
        network_named("another")


def test_what_an_unknown_network_did_can_still_be_read() -> None:
    assert (title_of("another"), unpruned_widths("another")) == ("another", ())
