"""Meters on a serial port, over pseudo-terminals."""

import asyncio
import os
import pty
import termios
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.errors import MeterError
from evaluators.power.choose import open_meter
from evaluators.power.ina219_serial import ina219_serial
from evaluators.power.lines import Limits
from evaluators.power.meter import PowerMeter, PowerReading
from evaluators.power.smartpower2_serial import smartpower2_serial
from evaluators.power.smartpower3 import checksums, smartpower3
from space.errors import RequestError
from tests.contracts.meter import WATTS, MeterContract, OpenMeter, first, readings_of
from tests.evaluators.power import simulated
from tests.evaluators.power.own_time import own_time
from tests.evaluators.power.simulated import LIMITS, Script, stock, stock_forever
from tests.evaluators.power.test_smartpower2 import QUICK

__all__ = ["own_time"]

pytestmark = pytest.mark.usefixtures("own_time")

Make = Callable[[Path, Limits], PowerMeter]


def on_port(script: Callable[[], Script], make: Make, **limits: float) -> AbstractAsyncContextManager[PowerMeter]:
    @asynccontextmanager
    async def opened():
        async with simulated.serial_meter(script) as port:
            yield make(port, replace(LIMITS, reconnect_s=0.0, **limits))

    return opened()


def sp2(port: Path, limits: Limits) -> PowerMeter:
    return smartpower2_serial(str(port), None, limits, QUICK)


def sp3(port: Path, limits: Limits, query: str = "") -> PowerMeter:
    return smartpower3(f"{port}{query}", None, limits)


def arduino(query: str) -> Make:
    return lambda port, limits: ina219_serial(f"{port}{query}", None, limits)


def fault(script: Callable[[], Script], make: Make, count: int = 1000, **limits: float) -> str:
    with pytest.raises(MeterError) as caught:
        readings_of(on_port(script, make, **limits), count)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestSmartPower2(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: on_port(stock_forever, sp2)


class TestSmartPower3(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: on_port(simulated.sp3_forever, sp3)


class TestGetCurrent(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: on_port(simulated.getcurrent_forever, arduino("?period=0.05"))


def millis_forever() -> Script:
    for number, step in enumerate(simulated.forever(b"%d\t5.00\t684.%d\r\n" % (n * 50, n % 10) for n in range(10**6))):
        yield b"INA219 ready\r\n" if number == 3 else step


class TestColumns(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: on_port(millis_forever, arduino("?format=-,V,mA"))


class TestPattern(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        def script() -> Script:
            return simulated.forever(b'{"v": 5.00, "i": %d.5}\r\n' % (684 + n % 3) for n in range(10**6))

        written = r'?format="v": (?P<V>[0-9.]+), "i": (?P<mA>[0-9.]+)'
        return lambda: on_port(script, arduino(written))


def test_the_boot_banner_and_the_web_server_on_the_same_port_are_no_garbage() -> None:
    def script() -> Script:
        for number, step in enumerate(stock_forever()):
            if number % 4 == 0:
                yield from simulated.boot_banner()
            yield step

    assert len(readings_of(on_port(script, sp2), 10)) == 10


def test_banner_without_figures_is_an_output_that_is_off() -> None:
    """It prints on USB only while its output is on."""

    def script() -> Script:
        while True:
            yield from simulated.boot_banner()
            yield 0.05

    assert "no reading for 0.3 s, only such lines as 'HTTP server started'" in fault(script, sp2, silence_s=0.3)


def test_what_waited_in_the_port_before_is_not_read() -> None:
    def script() -> Script:
        yield stock(5.0, 2.0) * 10
        yield 0.3
        yield from stock_forever()

    async def read() -> list[PowerReading]:
        async with on_port(script, sp2, settle_s=0.0) as meter:
            await asyncio.sleep(0.2)
            return await first(meter, 3)

    assert max(reading.watts for reading in asyncio.run(read())) < 4


def test_the_end_of_a_line_is_not_taken_for_one() -> None:
    """3.42 of 13.42, where nothing else in the line could tell."""

    def script() -> Script:
        yield 0.2
        yield b"3.420\r\n"
        yield 0.05
        yield from simulated.forever(b"13.42%d\r\n" % (n % 10) for n in range(10**6))

    readings = readings_of(on_port(script, arduino("?format=W&period=0.05"), settle_s=0.0), 3)
    assert min(reading.watts for reading in readings) > 13


def test_a_port_is_read_by_one_at_a_time() -> None:
    async def both() -> None:
        async with on_port(stock_forever, sp2) as meter, aclosing(meter.readings()) as readings:
            await anext(readings)
            await first(meter, 1)

    with pytest.raises(MeterError, match="in use by another program"):
        asyncio.run(both())


def test_a_port_that_is_not_there_is_named() -> None:
    with pytest.raises(MeterError, match=r"there is no /dev/ttyNO7; is the meter plugged in"):
        asyncio.run(first(open_meter("smartpower2-serial:/dev/ttyNO7"), 1))


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("5.000,0.684,3.420,0.000\n" * 10)
    with pytest.raises(MeterError, match="no serial port"):
        asyncio.run(first(open_meter(f"smartpower3:{tmp_path / 'file'}"), 1))


def test_a_cable_that_is_pulled_is_named() -> None:
    async def read() -> None:
        ours, theirs = pty.openpty()
        name = os.ttyname(theirs)
        os.close(theirs)
        async with aclosing(sp2(Path(name), LIMITS).readings()) as readings:
            waiting = asyncio.ensure_future(anext(readings))
            await asyncio.sleep(0.1)
            os.close(ours)
            await waiting

    with pytest.raises(MeterError, match="is gone; look at the USB cable"):
        asyncio.run(read())


def test_closing_a_port_leaves_its_modem_lines_up() -> None:
    """HUPCL would drop DTR, and the next opening raise it: a pulse, which is a reset."""

    async def flags() -> int:
        ours, theirs = pty.openpty()
        try:
            async with aclosing(sp2(Path(os.ttyname(theirs)), LIMITS).readings()) as readings:
                waiting = asyncio.ensure_future(anext(readings))
                await asyncio.sleep(0.1)
                waiting.cancel()
                await asyncio.wait([waiting])
            return termios.tcgetattr(theirs)[2]
        finally:
            os.close(ours)
            os.close(theirs)

    assert asyncio.run(flags()) & termios.HUPCL == 0


@pytest.mark.parametrize("url", ["smartpower3:/dev/ttyUSB0?baud=115201", "smartpower3:", "ina219-serial:/dev/x?baud=a"])
def test_what_is_no_port_or_speed_is_refused(url: str) -> None:
    with pytest.raises(RequestError, match="valid is"):
        open_meter(url)


def test_the_checksums_are_those_of_the_firmware() -> None:
    """Worked out by hand: 74 characters, '0' is 0x30, ',' is 0x2c; 15 commas and 59 digits, all zero."""
    zeros = "0000000000,00000,0000,00000,0,00000,0000,00000,0,00,00000,0000,00000,0,00,"
    assert len(zeros) == 74
    assert checksums(zeros) == (-(59 * 0x30 + 15 * 0x2C) & 0xFF, (0x30 if 59 % 2 else 0) ^ (0x2C if 15 % 2 else 0))


def test_a_line_of_the_smartpower3_has_its_81_bytes() -> None:
    assert len(simulated.sp3_line(12345, (5192, 441, 2289, 1), (0, 0, 0, 0))) == 81


@pytest.mark.parametrize(("channel", "watts"), [(0, 3.42), (1, 0.9)])
def test_each_channel_is_read_by_its_number(channel: int, watts: float) -> None:
    def make(port: Path, limits: Limits) -> PowerMeter:
        return sp3(port, limits, f"?channel={channel}")

    for reading in readings_of(on_port(simulated.sp3_forever, make), 3):
        assert reading.watts == pytest.approx(watts, rel=0.01)


def test_the_log_interval_is_learned_from_its_clock() -> None:
    async def read() -> float:
        async with on_port(lambda: simulated.sp3_forever(period_s=0.05), sp3) as meter:
            await first(meter, 3)
            return meter.info.period_s

    assert asyncio.run(read()) == 0.05


@pytest.mark.parametrize("digit", range(0, 70, 7))
def test_a_digit_that_changed_on_the_way_does_not_become_a_figure(digit: int) -> None:
    def script() -> Script:
        for number, step in enumerate(simulated.sp3_forever()):
            if number > 20 and number % 20 == 1 and isinstance(step, bytes):
                yield step[:digit] + bytes([step[digit] ^ 1]) + step[digit + 1 :]
            else:
                yield step

    assert all(reading.watts == pytest.approx(WATTS, rel=0.01) for reading in readings_of(on_port(script, sp3), 40))


def test_wrong_checksums_are_named() -> None:
    def script() -> Script:
        for ms in range(0, 10**6, 10):
            yield simulated.sp3_line(ms, (5000, 684, 3420, 1), (0, 0, 0, 0), checksum=1)
            yield 0.01

    assert "wrong checksum" in fault(script, sp3)


def test_an_output_that_is_off_is_named() -> None:
    def script() -> Script:
        for ms in range(0, 10**6, 10):
            yield simulated.sp3_line(ms, (5000, 684, 3420, 0), (5000, 684, 3420, 1))
            yield 0.01

    assert "the output of channel 0 is off" in fault(script, sp3)


def test_an_output_that_goes_off_in_the_middle_is_named() -> None:
    def script() -> Script:
        for ms in range(0, 10**6, 10):
            yield simulated.sp3_line(ms, (5000, 684, 3420, int(ms < 500)), (0, 0, 0, 0))
            yield 0.01

    assert "is off" in fault(script, sp3)


def test_load_voltage_is_bus_and_shunt_together() -> None:
    async def read() -> tuple[PowerReading, str]:
        async with on_port(
            lambda: simulated.forever(simulated.getcurrent(4.0, 100.0, 1000 + n % 2) for n in range(10**6)),
            arduino("?period=0.05"),
        ) as meter:
            return (await first(meter, 1))[0], meter.info.title

    reading, title = asyncio.run(read())
    assert reading.volts == pytest.approx(4.1)
    assert "load voltage = bus + shunt" in title


def test_a_digit_lost_from_getcurrent_is_noticed_by_its_power() -> None:
    def script() -> Script:
        for number, step in enumerate(simulated.getcurrent_forever()):
            lost = isinstance(step, bytes) and number % 24 == 1
            yield step.replace(b"Current:       6", b"Current:       ") if lost else step

    assert min(reading.watts for reading in readings_of(on_port(script, arduino("?period=0.05")), 25)) > 3


def test_the_period_of_a_sketch_is_learned() -> None:
    async def read() -> float:
        async with on_port(millis_forever, arduino("?format=-,V,mA"), settle_s=0.4) as meter:
            await first(meter, 3)
            return meter.info.period_s

    assert asyncio.run(read()) == pytest.approx(simulated.PERIOD_S, rel=0.3)


def test_a_reader_that_paused_is_not_told_old_figures_of_a_meter_without_a_period() -> None:
    """The figure counts the lines."""
    begin_s = time.monotonic()

    def script() -> Script:
        while True:
            yield b"%.3f\r\n" % (1 + time.monotonic() - begin_s)
            yield 0.02

    async def read() -> list[tuple[float, float]]:
        pairs = []
        async with on_port(script, arduino("?format=W")) as meter, aclosing(meter.readings()) as readings:
            await anext(readings)
            await asyncio.sleep(1.0)
            for _ in range(10):
                reading = await anext(readings)
                pairs.append((reading.time_s - begin_s, reading.watts - 1))
        return pairs

    for time_s, made_s in asyncio.run(read()):
        assert time_s - made_s < 0.05


def test_lines_faster_than_the_kind_are_said_to_be_so() -> None:
    """There is never a fresh line, and never silence: the reader must not wait for ever."""
    assert "nothing fresh for 0.5 s" in fault(millis_forever, arduino("?format=-,V,mA&period=2"), silence_s=0.5)


@pytest.mark.parametrize(
    "written",
    ["V", "mA", "x,y", "V,mV,mA", "(?P<V>[0-9.]+)", "(?P<V>[0-9.]+) (?P<x>.) (?P<A>.)", "(?P<V>", "V,A,mA"],
)
def test_a_format_without_power_is_refused(written: str) -> None:
    with pytest.raises(RequestError, match="valid is getcurrent"):
        ina219_serial(f"/dev/ttyUSB0?format={written}")
