"""What the tests on emulated boards share."""

import pytest

from tests.emulated.board import Emulator, emulator
from tests.emulated.cores import CORES, Core
from tests.emulated.folder import UnavailableError


@pytest.fixture(scope="session")
def emulated() -> Emulator:
    try:
        return emulator()
    except UnavailableError as error:
        pytest.skip(f"no emulated board: {error}")


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request: pytest.FixtureRequest) -> Core:
    chosen: Core = request.param
    return chosen
