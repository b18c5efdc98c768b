"""A SmartPower2 that only the board reaches: `?via=board`, over a real ssh connection."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.device.device import LoadTask
from evaluators.device.ssh.shell import Shell
from evaluators.errors import DeviceError, MeterError
from evaluators.metered import metered
from evaluators.power.lines import LineMeter
from evaluators.power.smartpower2 import smartpower2
from evaluators.runtimes.settings import RuntimeSettings
from tests.contracts.meter import MeterContract, OpenMeter, first
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import SSHD, Board, free_port
from tests.evaluators.power import simulated
from tests.evaluators.power.simulated import LIMITS, stock_forever
from tests.evaluators.power.test_smartpower2 import QUICK

pytestmark = pytest.mark.skipif(sys.platform != "linux" or SSHD is None, reason="needs OpenSSH's server")


def through(board: Board, port: int) -> LineMeter:
    @asynccontextmanager
    async def connected() -> AsyncGenerator[Shell, None]:
        shell = await Shell.open(board.address, board.login())
        try:
            yield shell
        finally:
            await shell.close()

    # Silent it is only where a test waits for that.
    return smartpower2(f"//127.0.0.1:{port}?via=board", connected, replace(LIMITS, silence_s=GONE_S), QUICK)


class TestThroughTheBoard(MeterContract):
    @pytest.fixture
    def meter(self, board: Board) -> OpenMeter:
        @asynccontextmanager
        async def opened() -> AsyncGenerator[LineMeter, None]:
            async with simulated.smartpower2(stock_forever) as meter:
                yield through(board, meter.port)

        return opened


def test_a_meter_that_the_board_does_not_reach_is_named(board: Board) -> None:
    port = free_port()
    with pytest.raises(MeterError, match=rf"through the board: board: it cannot reach 127\.0\.0\.1:{port}"):
        asyncio.run(first(through(board, port), 1))


def test_a_second_client_is_told_that_the_meter_is_busy(board: Board) -> None:
    async def both() -> None:
        async with (
            simulated.smartpower2(stock_forever) as meter,
            aclosing(through(board, meter.port).readings()) as readings,
        ):
            await anext(readings)
            await first(through(board, meter.port), 1)

    with pytest.raises(MeterError, match="busy"):
        asyncio.run(both())


def test_a_lost_ssh_connection_is_the_meters_fault_in_one_line(board: Board) -> None:
    async def read() -> None:
        async with (
            simulated.smartpower2(stock_forever) as meter,
            aclosing(through(board, meter.port).readings()) as readings,
        ):
            await anext(readings)
            for session in board.sshd.sessions():
                os.kill(session, signal.SIGKILL)
            async for _ in readings:
                pass

    with pytest.raises(MeterError, match="through the board: board: connection lost") as caught:
        asyncio.run(read())
    assert "\n" not in str(caught.value)


def test_a_connection_cut_during_a_load_is_one_fault_and_no_figure(board: Board, tmp_path: Path) -> None:
    """The board's own and the meter's through it: both were that board's sshd."""
    task = LoadTask(
        model=write_classifier(tmp_path / "model.onnx"),
        images=write_images(tmp_path / "images.npy", 16),
        runtime=RuntimeSettings(),
        idle_s=0.3,
        active_s=60,
    )

    def cut(what: str, share: float) -> None:
        if what == "working":
            for session in board.sshd.sessions():
                os.kill(session, signal.SIGKILL)

    async def loaded() -> None:
        async with simulated.smartpower2(stock_forever) as meter, board.device() as device:
            await metered(device, through(board, meter.port), task, cut)

    with pytest.raises((MeterError, DeviceError), match="connection lost") as caught:
        asyncio.run(loaded())
    assert "\n" not in str(caught.value)


def test_the_meters_place_is_free_again_afterwards(board: Board) -> None:
    async def twice() -> int:
        async with simulated.smartpower2(stock_forever) as meter:
            for _ in range(2):
                await first(through(board, meter.port), 1)
                await asyncio.sleep(0.1)
            return meter.connections

    assert asyncio.run(twice()) == 2


def test_a_tunnel_is_of_the_device_and_its_faults_too(board: Board) -> None:
    async def reach() -> None:
        shell = await Shell.open(board.address, board.login())
        try:
            async with shell.open_connection("127.0.0.1", free_port()):
                pass
        finally:
            await shell.close()

    with pytest.raises(DeviceError, match="is the board in that network"):
        asyncio.run(reach())
