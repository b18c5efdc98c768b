"""Recorded logs."""

import asyncio
from pathlib import Path

import pytest

from evaluators.errors import MeterError
from evaluators.power.choose import open_meter
from evaluators.power.columns import Column
from evaluators.power.meter import PowerReading
from tests.contracts.meter import WATTS, MeterContract, OpenMeter, first
from tests.evaluators.power.test_sampled import plain


def log(path: Path, heading: str, *rows: str) -> str:
    path.write_text("\n".join([heading, *rows, ""]))
    return f"csv:{path}"


def read(url: str, count: int = 2) -> list[PowerReading]:
    return asyncio.run(first(open_meter(url), count))


class TestCsvLog(MeterContract):
    live = False

    @pytest.fixture
    def meter(self, tmp_path: Path) -> OpenMeter:
        rows = [f"{n * 0.2:.1f},5.0,0.684" for n in range(20)]
        return plain(open_meter(log(tmp_path / "log.csv", "time_s,volts,amps", *rows)))


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("time,watts", ["0.0,3.42", "0.5,3.42"]),
        ("Time (s);Power (W)", ["0.0;3.42", "0.5;3.42"]),
        ("timestamp,power_mw", ["2026-11-21T10:00:00,3420", "2026-11-21T10:00:00.500,3420"]),
        ("ms\tbus_mV\tcurrent_mA", ["0\t5000\t684", "500\t5000\t684"]),
        ("No.,Timestamp,Voltage(V),Current(A),Energy(Wh)", ["1,0.0,5.0,0.684,0.1", "2,0.5,5.0,0.684,0.1"]),
        ("time_us,uw", ["0,3420000", "500000,3420000"]),
    ],
)
def test_columns_are_known_by_their_names(tmp_path: Path, heading: str, rows: list[str]) -> None:
    reading, next_reading = read(log(tmp_path / "log.csv", heading, *rows))
    assert reading.watts == pytest.approx(WATTS)
    assert next_reading.time_s - reading.time_s == pytest.approx(0.5)


def test_the_period_is_that_of_the_log(tmp_path: Path) -> None:
    meter = open_meter(log(tmp_path / "log.csv", "s,w", *(f"{n * 0.25},3" for n in range(9))))
    asyncio.run(first(meter, 1))
    assert meter.info.period_s == 0.25


@pytest.mark.parametrize(
    ("heading", "rows", "words"),
    [
        ("a,b", ["1,2"], "neither watts nor volts and amps"),
        ("volts,amps", ["5,1", "5,1"], "no time among"),
        ("s,w", ["0,3"], "1 readings are too few"),
        ("s,w", ["0,3", "1"], "log.csv:3: 1 values for 2 columns"),
        ("s,w", ["0,3", "1,x"], "log.csv:3: 'x' is no number"),
        ("s,w", ["0,3", "1,nan"], "log.csv:3: 'nan' is no number"),
        ("s,w", ["1,3", "0,3"], "log.csv:3: its time is not after"),
        ("s,w", ["noon,3", "0,3"], "neither seconds nor a date"),
        ("s,v,a,w", ["0,5,1,5", "1,5,1,50"], "5 V x 1 A is not 50 W"),
        ("s,w", ["0,3", "1,-3"], "out of range"),
        ("s,w", ["0,3", "1,99999"], "out of range"),
        ("s,bus_v,load_v,a", ["0,5,5,1"], "volts stand in several columns"),
        ("", [], "neither"),
    ],
)
def test_what_is_no_figure_is_named_with_its_line(tmp_path: Path, heading: str, rows: list[str], words: str) -> None:
    with pytest.raises(MeterError) as caught:
        read(log(tmp_path / "log.csv", heading, *rows))
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"s,w\n0,\xff\n"])
def test_what_is_no_text_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(MeterError, match="cannot be read"):
        read(f"csv:{tmp_path / 'log.csv'}")


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeterError, match="cannot be read"):
        read(f"csv:{tmp_path / 'none.csv'}")


@pytest.mark.parametrize("name", ["Energy (Wh)", "joules", "mWh", "temperature", "", "watt-seconds"])
def test_energy_is_no_power(name: str) -> None:
    assert Column.named(name).quantity is None
