"""The meter that a URL names, also one that another package brings."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.power.choose import KINDS, open_meter
from evaluators.provenance import Kind
from space.errors import RequestError
from tests.contracts.meter import first

EXAMPLES = {
    "smartpower2": "smartpower2://192.168.4.1",
    "smartpower2-serial": "smartpower2-serial:/dev/ttyUSB0",
    "smartpower3": "smartpower3:/dev/ttyUSB0?channel=1&baud=921600",
    "shelly": "shelly://192.168.4.2?channel=1",
    "tasmota": "tasmota://plug.local",
    "scpi": "scpi://192.168.4.3:5555?channel=CH1",
    "ina219-serial": "ina219-serial:/dev/ttyACM0?baud=9600&format=V,mA",
    "hwmon": "hwmon:ina226",
    "pmic": "pmic:",
    "rapl": "rapl:",
    "csv": "csv:log.csv",
    "command": "command:cat '/tmp/my log'",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_opens_without_touching_anything(kind: str) -> None:
    info = open_meter(EXAMPLES[kind]).info
    assert info.name
    assert info.provenance.kind is Kind.MEASURED


def test_what_the_power_chip_measures_is_stated() -> None:
    title = open_meter("pmic:").info.title
    assert "fit 1.1451 x sum of 12 rails + 0.5879 W" in title
    assert "must not run while latency is timed" in title


@pytest.mark.parametrize("url", ["", "smartpower2", "joulescope:", "http://192.168.4.1", "//host"])
def test_an_unknown_kind_names_those_there_are(url: str) -> None:
    with pytest.raises(RequestError, match=r"valid is smartpower2://HOST.*csv:FILE"):
        open_meter(url)


def test_choosing_imports_no_kind() -> None:
    code = (
        "import sys; from evaluators.power.choose import open_meter; open_meter('rapl:'); "
        "print([m for m in sys.modules if m.startswith('evaluators.power') and 'smart' in m or m == 'asyncssh'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package, installed as pip would: a module, and its entry points beside it."""
    (tmp_path / "toy_meter.py").write_text(
        "from evaluators.power.meter import MeterInfo, PowerReading\n"
        "class Toy:\n"
        "    info = MeterInfo('toy', 1.0)\n"
        "    def __init__(self, rest, board): self.watts = float(rest)\n"
        "    async def readings(self):\n"
        "        yield PowerReading(1.0, 5.0, self.watts / 5, self.watts, 1.0)\n"
    )
    information = tmp_path / "toy_meter-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-meter\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[ondevice_search.meters]\ntoy = toy_meter:Toy\nbroken = toy_meter:Missing\ncsv = toy_meter:Toy\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_another_package_brings_a_kind(package: Path) -> None:
    (reading,) = asyncio.run(first(open_meter("toy:2.5"), 1))
    assert reading.watts == 2.5


def test_a_kind_of_another_package_is_among_the_valid_ones(package: Path) -> None:
    with pytest.raises(RequestError, match=r"toy:\.\.\."):
        open_meter("nothing:")


def test_another_package_does_not_replace_a_kind(package: Path) -> None:
    assert type(open_meter("csv:2.5")).__name__ == "CsvLog"


def test_a_package_that_cannot_be_used_is_named(package: Path) -> None:
    with pytest.raises(RequestError, match="broken: the package that brings it cannot be used"):
        open_meter("broken:")
