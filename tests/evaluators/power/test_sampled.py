"""Meters that are asked: kernel sensors, the Pi 5's power chip, RAPL, programs; here and on a board."""

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.device.ssh.shell import Shell
from evaluators.errors import MeterError
from evaluators.power.choose import open_meter
from evaluators.power.command import command
from evaluators.power.hwmon import hwmon
from evaluators.power.meter import PowerMeter, PowerReading
from evaluators.power.pmic import CONSTANT_W, FACTOR, RAILS, pmic
from evaluators.power.rapl import RaplMeter
from evaluators.power.sampler import LIMITS
from space.errors import RequestError
from tests.contracts.meter import WATTS, MeterContract, OpenMeter, first
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import Board
from tests.evaluators.power import simulated
from tests.evaluators.power.own_time import Clock, own_time

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and /sys")

__all__ = ["own_time"]

QUICK = replace(LIMITS, silence_s=GONE_S, zero_s=0.3, settle_s=0.1)


def plain(meter: PowerMeter) -> OpenMeter:
    @asynccontextmanager
    async def opened():
        yield meter

    return opened


def fault(meter: PowerMeter, count: int = 1000) -> str:
    with pytest.raises(MeterError) as caught:
        asyncio.run(first(meter, count))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def reached(board: Board):
    @asynccontextmanager
    async def connected():
        shell = await Shell.open(board.address, board.login())
        try:
            yield shell
        finally:
            await shell.close()

    return connected


# --- hwmon


def put_chip(root: Path, number: int, name: str, millivolts: int = 5000, milliamps: int = 684) -> Path:
    chip = root / "sys/class/hwmon" / f"hwmon{number}"
    chip.mkdir(parents=True)
    for file, value in {"name": name, "in1_input": millivolts, "curr1_input": milliamps, "in0_input": 6}.items():
        (chip / file).write_text(f"{value}\n")
    return chip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "root"
    (put_chip(root, 0, "cpu_thermal") / "curr1_input").unlink()
    put_chip(root, 1, "ina226")
    put_chip(root, 2, "ina219", 12000, 100)
    monkeypatch.setenv("SEARCH_SYSROOT", str(root))
    return root


class TestHwmon(MeterContract):
    @pytest.fixture
    def meter(self, root: Path) -> OpenMeter:
        return plain(hwmon("?hz=50", None, QUICK))


def test_a_sensor_is_chosen_by_its_name(root: Path) -> None:
    async def read() -> tuple[PowerReading, str]:
        meter = hwmon("ina219", None, QUICK)
        return (await first(meter, 1))[0], meter.info.name

    reading, name = asyncio.run(read())
    assert reading.watts == pytest.approx(1.2)
    assert "ina219" in name


def test_without_the_sensor_those_that_are_there_are_named(root: Path) -> None:
    assert "there is cpu_thermal ina226 ina219" in fault(hwmon("ina260", None, QUICK))


def test_a_sensor_that_lost_its_calibration_is_not_believed(root: Path) -> None:
    """After a brown-out current and power read 0."""
    (root / "sys/class/hwmon/hwmon1/curr1_input").write_text("0\n")
    assert "5.00 V, but no current" in fault(hwmon("ina226", None, QUICK))


def test_a_sensor_the_wrong_way_round_is_not_believed(root: Path) -> None:
    (root / "sys/class/hwmon/hwmon1/curr1_input").write_text("-684\n")
    assert "-0.684 A is out of range" in fault(hwmon("ina226?hz=50", None, QUICK))


def test_a_sensor_that_goes_away_is_named(root: Path) -> None:
    (root / "sys/class/hwmon/hwmon1/in1_input").unlink()
    assert "it ended" in fault(hwmon("ina226", None, QUICK))


class Elsewhere:
    """A board whose files are in a folder: its /sys is this machine's."""

    def __init__(self, shell: Shell, root: Path) -> None:
        self._shell = shell
        self._root = root

    def start(self, *command: str):
        sh, option, script, nothing, *arguments = command
        assert nothing == ""
        return self._shell.start(sh, option, script, str(self._root), *arguments)


class TestHwmonOnTheBoard(MeterContract):
    @pytest.fixture
    def meter(self, board: Board, root: Path) -> OpenMeter:
        @asynccontextmanager
        async def connected():
            async with reached(board)() as shell:
                yield Elsewhere(shell, root)

        return plain(hwmon("?on=board&hz=20", connected, QUICK))


def test_on_the_board_nothing_is_left_running(board: Board) -> None:
    board.put_program("vcgencmd", f"cat <<'E'\n{simulated.pmic_read_adc(rails(2.0))}\nE")
    asyncio.run(first(pmic("?on=board", reached(board), QUICK), 2))
    assert board.is_empty_within(GONE_S)


# --- the Pi 5's power chip


def rails(watts: float) -> dict[str, tuple[float, float]]:
    """Volts and amps of all rails, with equal shares of the power."""
    return {rail: (2.0, watts / len(RAILS) / 2) for rail in RAILS}


@contextmanager
def on_path(folder: Path, name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    yield


def say(watts: float) -> str:
    return f"cat <<'E'\n{simulated.pmic_read_adc(rails(watts))}\nE"


class TestPmic(MeterContract):
    @pytest.fixture
    def meter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenMeter]:
        with on_path(tmp_path / "bin", "vcgencmd", say((WATTS - CONSTANT_W) / FACTOR), monkeypatch):
            yield plain(pmic("?hz=10", None, QUICK))


class TestPmicOnTheBoard(MeterContract):
    @pytest.fixture
    def meter(self, board: Board) -> OpenMeter:
        board.put_program("vcgencmd", say(WATTS))
        return plain(pmic("?on=board&hz=10&fit=none", reached(board), QUICK))


def test_another_boards_power_chip_is_said_to_have_no_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = """echo 'error=1 error_msg="Command not registered"'"""
    with on_path(tmp_path / "bin", "vcgencmd", body, monkeypatch):
        assert "only a Pi 5's does" in fault(pmic("", None, QUICK))


def test_a_machine_without_vcgencmd_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    message = fault(pmic("", None, QUICK))
    assert "vcgencmd" in message
    assert "not found" in message


def test_a_rail_that_is_missing_makes_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = say(3.0).replace("VDD_CORE_A", "VDD_CARE_A")
    with on_path(tmp_path / "bin", "vcgencmd", body, monkeypatch):
        assert "without VDD_CORE" in fault(pmic("?hz=10", None, QUICK))


def test_the_power_chip_is_asked_ten_times_a_second_at_most() -> None:
    with pytest.raises(RequestError, match=r"from 0\.2 to 10"):
        pmic("?hz=50")


# --- RAPL


def package(
    root: Path, watts: float, clock: Clock, *, start_uj: int = 1000, most_uj: int = 262143328850
) -> Callable[[], None]:
    """A counter that grows by itself, and one of its parts beside it; what makes it grow."""
    zone, part = (root / "sys/class/powercap" / name for name in ("intel-rapl:0", "intel-rapl:0:0"))
    for folder, name in ((zone, "package-0"), (part, "core")):
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{most_uj}\n")
        (folder / "energy_uj").write_text("1\n")
    begin_s = clock()

    def grow() -> None:
        energy_uj = int(start_uj + (clock() - begin_s) * watts * 1e6) % (most_uj + 1)
        (zone / "energy_uj").write_text(f"{energy_uj}\n")

    grow()
    clock.watchers.append(grow)
    return grow


class TestRapl(MeterContract):
    @pytest.fixture
    def meter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_time: Clock) -> OpenMeter:
        monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
        package(tmp_path, WATTS, own_time)
        return plain(RaplMeter(0.2))


def test_a_counter_that_wraps_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_time: Clock) -> None:
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    package(tmp_path, 10.0, own_time, start_uj=9_000_000, most_uj=10_000_000)
    readings = asyncio.run(first(RaplMeter(0.2), 4))
    assert all(reading.watts == pytest.approx(10, rel=0.001) for reading in readings)


def test_a_counter_that_is_set_back_makes_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_time: Clock
) -> None:
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    zone = tmp_path / "sys/class/powercap/intel-rapl:0"
    grow = package(tmp_path, 10.0, own_time)

    async def read() -> None:
        reading = asyncio.ensure_future(first(RaplMeter(0.2), 1))
        await asyncio.sleep(0.1)
        own_time.watchers.remove(grow)
        (zone / "energy_uj").write_text("0\n")
        await reading

    with pytest.raises(MeterError, match="cannot be"):
        asyncio.run(read())


def test_a_machine_without_counters_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    assert "no package" in fault(RaplMeter(0.1))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_counter_that_is_roots_says_how_to_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_time: Clock
) -> None:
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    package(tmp_path, 1.0, own_time)
    (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").chmod(0)
    assert "root's since Linux 5.10" in fault(RaplMeter(0.1))


def test_rapl_says_that_it_measures_the_package_alone() -> None:
    assert open_meter("rapl:").info.measures == "processor package"


# --- any program


def python(code: str) -> str:
    return shlex.join([sys.executable, "-uc", code])


SPEAK = """
import time
for n in range(10**6):
    print(f"5.000 {0.684 + 0.001 * (n % 3):.3f}")
    time.sleep(0.05)
"""


class TestCommand(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return plain(command(python(SPEAK), None, QUICK))


class TestCommandWithNames(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        code = 'print("time_s,power_mw")\n' + SPEAK.replace("5.000 {", "{time.time():.3f},{").replace("0.684", "3420")
        return plain(command(python(code), None, QUICK))


def test_a_program_gets_no_shell() -> None:
    assert "cannot be started" in fault(command("no-such-program; rm -rf /", None, QUICK))


def test_a_program_that_ends_says_with_which_words() -> None:
    code = "import sys; print('5 0.6', flush=True); sys.exit('sensor is gone')"
    assert "it ended with status 1 (sensor is gone)" in fault(command(python(code), None, QUICK))


def test_a_silent_program_is_not_waited_for() -> None:
    limits = replace(QUICK, silence_s=0.3)
    assert "silent for 0.3 s" in fault(command("sleep 60", None, limits))


def test_a_program_is_killed_once_nobody_reads_it(tmp_path: Path) -> None:
    """What the program started is killed, too."""
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    code = f"import os, subprocess; subprocess.Popen(['sleep', '61.5']); {note}"
    asyncio.run(first(command(python(code + SPEAK), None, QUICK), 1))
    pid = int((tmp_path / "pid").read_text())
    end_s = time.monotonic() + GONE_S
    while group_members(pid) and time.monotonic() < end_s:
        time.sleep(0.02)
    assert group_members(pid) == []


def group_members(group: int) -> list[int]:
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(") ")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state != "Z":
            pids.append(int(stat.parent.name))
    return pids


@pytest.mark.parametrize("rest", ["", "  ", "'unfinished"])
def test_no_program_is_refused(rest: str) -> None:
    with pytest.raises(RequestError):
        command(rest)
