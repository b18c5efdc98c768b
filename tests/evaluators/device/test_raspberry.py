"""A board over ssh: a real ssh server, the real program, a real runtime and real models."""

import asyncio
import sys

import onnxruntime
import pytest

from evaluators.device.device import Device, RuntimeSettings, Task
from tests.contracts.device import DeviceContract
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.sshd import Board

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("quick")
    return Task(
        model=write_classifier(folder / "classifier.onnx"),
        images=write_images(folder / "images.npy", 16),
        runtime=RuntimeSettings(),
        limit_s=0.05,
    )


@pytest.fixture
def task(quick: Task) -> Task:
    return quick


class TestSshDevice(DeviceContract):
    @pytest.fixture
    def device(self, board: Board) -> Device:
        return board.device()


def test_its_figures_are_of_the_board(board: Board) -> None:
    async def info() -> tuple[str, str]:
        async with board.device(environment={"SEARCH_SYSROOT": str(board.pretend("Raspberry Pi 5 Model B"))}) as device:
            return device.info.pool, device.info.runtime

    assert asyncio.run(info()) == ("Raspberry Pi 5 Model B", f"onnxruntime {onnxruntime.__version__}")
