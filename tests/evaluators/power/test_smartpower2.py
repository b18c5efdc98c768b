"""SmartPower2 over TCP: every firmware, and everything that can go wrong on the way."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from evaluators.errors import MeterError
from evaluators.power.lines import Limits
from evaluators.power.meter import PowerMeter, PowerReading
from evaluators.power.recording import heard
from evaluators.power.smartpower2 import DIALECTS, smartpower2
from space.errors import RequestError
from tests.contracts.meter import WATTS, MeterContract, OpenMeter, first, readings_of
from tests.evaluators.device.sshd import free_port
from tests.evaluators.power import simulated
from tests.evaluators.power.own_time import own_time
from tests.evaluators.power.simulated import END, LIMITS, PERIOD_S, Script, stock, stock_forever

__all__ = ["own_time"]

pytestmark = pytest.mark.usefixtures("own_time")

# Dialects as fast as the simulated meters are.
QUICK = [dialect if dialect.period_s < 0.1 else replace(dialect, period_s=PERIOD_S) for dialect in DIALECTS]


def meter_at(port: int, limits: Limits = LIMITS) -> PowerMeter:
    return smartpower2(f"//127.0.0.1:{port}", limits=limits, dialects=QUICK)


@asynccontextmanager
async def opened(*scripts: Callable[[], Script], **limits: float):
    async with simulated.smartpower2(*scripts) as meter:
        yield meter_at(meter.port, replace(LIMITS, **limits))


def of(*scripts: Callable[[], Script], **limits: float) -> AbstractAsyncContextManager[PowerMeter]:
    return opened(*scripts, **limits)


def fault(*scripts: Callable[[], Script], count: int = 100, **limits: float) -> str:
    with pytest.raises(MeterError) as caught:
        readings_of(of(*scripts, **limits), count)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestStock(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: of(stock_forever)


class TestOldStock(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: of(lambda: simulated.forever(simulated.wobbling(simulated.of_2016)))


class TestSlim(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: of(simulated.slim_forever)


class TestJMeasure(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: of(simulated.jmeasure_forever)


@pytest.mark.parametrize(
    ("script", "name", "averaged_s"),
    [
        (stock_forever, "stock firmware", 0.264),
        (lambda: simulated.forever(simulated.wobbling(simulated.of_2016)), "stock firmware of 2016", 0.264),
        (simulated.slim_forever, "sta_slim", 0.0022),
        (simulated.jmeasure_forever, "JMeasure", 0.264),
    ],
)
def test_the_firmware_is_known_by_its_lines(script: Callable[[], Script], name: str, averaged_s: float) -> None:
    async def read() -> tuple[str, PowerReading]:
        async with opened(script) as meter:
            (reading,) = await first(meter, 1)
            return meter.info.name, reading

    meter_name, reading = asyncio.run(read())
    assert f"({name})" in meter_name
    assert reading.averaged_s == averaged_s


def test_where_nobody_listens_the_connection_is_refused() -> None:
    with pytest.raises(MeterError, match="connection refused"):
        asyncio.run(first(meter_at(free_port()), 1))


def test_a_second_client_is_told_that_the_meter_is_busy() -> None:
    async def both() -> None:
        async with simulated.smartpower2(stock_forever) as meter, aclosing(meter_at(meter.port).readings()) as readings:
            await anext(readings)
            await first(meter_at(meter.port), 1)

    with pytest.raises(MeterError, match=r"busy: .* another client"):
        asyncio.run(both())


def test_a_meter_that_has_not_noticed_that_we_left_is_waited_for() -> None:
    async def twice(notices_s: float) -> int:
        async with simulated.smartpower2(stock_forever) as server:
            server.notices_s = notices_s
            meter = meter_at(server.port, replace(LIMITS, reconnect_s=30.0))
            await heard(meter)
            await heard(meter)
            return server.connections

    assert asyncio.run(twice(1.0)) == 2
    # Before the recording would call it silent.
    with pytest.raises(MeterError, match=r"busy: .* another client"):
        asyncio.run(twice(60.0))


def test_silence_is_named_with_its_length() -> None:
    assert "silent for 0.2 s" in fault(list, silence_s=0.2)


def test_silence_in_the_middle_is_named_too() -> None:
    def script() -> Script:
        for _ in range(6):
            yield stock()
            yield PERIOD_S

    assert "silent for 0.3 s" in fault(script, silence_s=0.3)


def test_the_first_line_may_be_half_of_one() -> None:
    """12 of 5.012 V would be 12 V."""

    def script() -> Script:
        yield b"12,0.684,3.428,0.000\r\n"
        yield from stock_forever()

    readings = readings_of(of(script, settle_s=0.0), 3)
    assert {reading.volts for reading in readings} == {5.0}


def test_half_a_line_in_the_middle_is_left_out() -> None:
    def script() -> Script:
        for number, step in enumerate(stock_forever()):
            yield b"5.012,0.68\r\n" if number == 10 else step

    assert all(reading.watts == pytest.approx(WATTS, rel=0.01) for reading in readings_of(of(script), 8))


def test_lost_digits_do_not_become_a_figure() -> None:
    """34.28 W instead of 3.428 W."""

    def script() -> Script:
        yield stock()
        for number, step in enumerate(stock_forever()):
            yield b"5.000,0.684,34.20,0.000\r\n" if number == 10 else step
            if number == 14:
                yield b"5.000,0.684,34.200,0.000\r\n"

    assert max(reading.watts for reading in readings_of(of(script), 8)) < 3.5


@pytest.mark.parametrize(
    "line", [b"99.000,0.684,67.716,0.000\r\n", b"5.000,50.000,250.000,0.000\r\n", b"5.000,-0.100,-0.500,0.000\r\n"]
)
def test_figures_out_of_range_are_no_readings(line: bytes) -> None:
    assert "are no readings" in fault(lambda: simulated.forever([line] * 100, 0.01))


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00\x01garbage\r\n",
        b"5.012;0.684;3.428;0.000\r\n",
        b"nan,nan,nan,nan\r\n",
        b"5.012,0.684,3.428\r\n",
        b"1e3,0.684,3.428,0.000\r\n",
        b"x" * 10_000 + b"\r\n",
    ],
)
def test_garbage_is_shown_and_refused(line: bytes) -> None:
    message = fault(lambda: simulated.forever([line] * 100, 0.01))
    assert "are no readings, such as" in message
    assert len(message) < 350


def test_some_garbage_is_borne() -> None:
    def script() -> Script:
        for number, step in enumerate(stock_forever()):
            yield step
            if number % 20 == 19:
                yield b"garbage\r\n"

    assert len(readings_of(of(script), 25)) == 25


def test_a_line_without_an_end_is_not_waited_for() -> None:
    assert "0.3 s" in fault(lambda: simulated.forever([b"x" * 500] * 1000, 0.001), silence_s=0.3)


def test_nothing_but_zeros_is_an_output_that_is_off() -> None:
    assert "its output is off" in fault(lambda: simulated.forever([stock(0, 0)] * 100))


def test_volts_without_amps_are_a_board_that_is_not_there() -> None:
    """Also a current above 5 A, or backwards, which the meter says as 0 A."""
    assert "5.00 V, but no current" in fault(lambda: simulated.forever([stock(5, 0)] * 100))


def test_zeros_at_the_beginning_are_no_readings() -> None:
    def script() -> Script:
        for _ in range(3):
            yield stock(0, 0)
            yield PERIOD_S
        yield from stock_forever()

    assert all(reading.watts > 3 for reading in readings_of(of(script, settle_s=0.0)))


def test_the_first_seconds_of_a_connection_are_no_data() -> None:
    """An old figure, held until something new came."""

    def script() -> Script:
        for number, step in enumerate(stock_forever()):
            yield step
            if number < 6:
                yield stock(5.0, 2.0)

    assert all(reading.watts < 4 for reading in readings_of(of(script, settle_s=0.4)))


def test_a_firmware_that_repeats_itself_gives_each_reading_once() -> None:
    """The meter is polled five times as often as it measures."""

    def script() -> Script:
        for line in simulated.wobbling(stock):
            for _ in range(5):
                yield line
                yield PERIOD_S / 5

    async def read() -> list[PowerReading]:
        async with opened(script) as meter:
            return await first(meter, 8)

    readings = asyncio.run(read())
    assert readings[-1].time_s - readings[0].time_s > 7 * PERIOD_S * 0.75


def test_what_came_late_and_at_once_is_not_taken_for_fresh() -> None:
    """Wi-Fi was away while the board took 10 W; then all lines come in together."""

    def script() -> Script:
        for _, step in zip(range(20), stock_forever(), strict=False):
            yield step
        yield 5 * PERIOD_S
        yield b"".join(stock(5.0, 2.0 + number / 10) for number in range(5))
        yield from stock_forever()

    readings = readings_of(of(script), 12)
    late = [reading for reading in readings if reading.watts > 4]
    assert len(late) <= 1
    assert all(reading.watts == pytest.approx(12.0) for reading in late)


def test_with_a_clock_of_its_own_late_readings_keep_their_time() -> None:
    delay_s = 0.5

    def script() -> Script:
        late = b""
        for number, step in enumerate(simulated.slim_forever(0.01)):
            if 60 <= number < 160:
                late += step if isinstance(step, bytes) else b""
                yield b"" if isinstance(step, bytes) else step
            else:
                yield late
                late = b""
                yield step

    async def read() -> list[tuple[float, float]]:
        arrivals = []
        async with opened(script) as meter, aclosing(meter.readings()) as readings:
            async for reading in readings:
                arrivals.append((reading.time_s, time.monotonic()))
                if len(arrivals) == 90:
                    return arrivals
        raise AssertionError

    arrivals = asyncio.run(read())
    assert max(now_s - time_s for time_s, now_s in arrivals) > 0.8 * delay_s
    assert max(b[0] - a[0] for a, b in pairwise(arrivals)) < 0.1


def test_readings_that_turn_out_to_have_been_late_are_an_error() -> None:
    """Readings are half a second old from the beginning; then the connection gets quick, and their times were wrong."""

    def script() -> Script:
        begin_s = time.monotonic() - 1000
        for number in range(400):
            delay_s = 0.5 if number < 100 else 0.0
            yield b"%d 5.0000 0.6840\r\n" % ((time.monotonic() - begin_s - delay_s) * 1e3)
            yield 0.005

    assert "s late until now" in fault(script, count=1000)


def test_a_clock_that_goes_back_is_a_restart() -> None:
    def script() -> Script:
        for _, step in zip(range(100), simulated.slim_forever(), strict=False):
            yield step
        yield b"0 5.0000 0.6840\r\n"

    assert "did it restart?" in fault(script, count=1000)


def test_after_a_drop_it_connects_again_and_says_nothing_of_the_first_moments() -> None:
    def before() -> Script:
        for _, step in zip(range(20), stock_forever(), strict=False):
            yield step
        yield END

    def after() -> Script:
        for number, step in enumerate(stock_forever()):
            yield step
            if number < 4:
                yield stock(5.0, 3.0)

    readings = readings_of(of(before, after, settle_s=0.2), 16)
    assert max(reading.watts for reading in readings) < 4
    assert max(b.time_s - a.time_s for a, b in pairwise(readings)) > 0.2


def test_a_meter_that_does_not_come_back_is_given_up() -> None:
    def before() -> Script:
        for _, step in zip(range(20), stock_forever(), strict=False):
            yield step
        yield END

    begin_s = time.monotonic()
    assert "busy" in fault(before, lambda: [END], reconnect_s=0.8)
    assert 0.8 < time.monotonic() - begin_s < 6


def test_a_reader_that_paused_gets_nothing_old() -> None:
    async def read() -> tuple[float, PowerReading]:
        async with opened(stock_forever) as meter, aclosing(meter.readings()) as readings:
            await anext(readings)
            await asyncio.sleep(1.5)
            resumed_s = time.monotonic()
            return resumed_s, [await anext(readings) for _ in range(3)][-1]

    resumed_s, reading = asyncio.run(read())
    assert reading.time_s > resumed_s - PERIOD_S


@pytest.mark.parametrize(
    "rest", ["", "//", "//a b", "//host:0", "//host:99999", "//user@host", "//host?via=moon", "//host?x=1", "//-x"]
)
def test_what_is_no_place_is_refused_before_anything_is_connected(rest: str) -> None:
    with pytest.raises(RequestError, match="valid is"):
        smartpower2(rest)


def test_through_the_board_there_must_be_one() -> None:
    with pytest.raises(RequestError, match="--device"):
        smartpower2("//192.168.4.1?via=board")
