"""A trace is recorded while something else happens, kept as text, and sifted of what is no reading."""

import asyncio
import math
from contextlib import nullcontext as nothing

import pytest

from evaluators.errors import DeviceError, MeterError
from evaluators.power.meter import MeterInfo, PowerReading
from evaluators.power.recording import Sifted, Trace, recorded, sifted
from tests.evaluators.power.loads import QUICK, SLOW, Load, simulated
from tests.evaluators.power.meters import LiveMeter, ScriptedMeter, reading
from tests.evaluators.power.own_time import own_time

__all__ = ["own_time"]

pytestmark = pytest.mark.usefixtures("own_time")

# --- recording -------------------------------------------------------------------------------------------------------


def steady(_: float) -> float:
    return 5.0


async def short_work() -> str:
    await asyncio.sleep(0.05)
    return "done"


def test_the_work_gives_its_answer_and_the_meter_its_readings() -> None:
    answer, trace = asyncio.run(recorded(LiveMeter(steady), short_work))
    assert answer == "done"
    assert trace.info.name == "bench meter"
    assert len(trace.readings) >= 3


def test_the_work_begins_once_the_meter_was_heard() -> None:
    meter = LiveMeter(steady, period_s=0.03)
    begun: list[float] = []

    async def work() -> None:
        begun.append(asyncio.get_running_loop().time())

    _, trace = asyncio.run(recorded(meter, work))
    assert trace.readings[0].time_s <= begun[0]


@pytest.mark.parametrize(
    ("meter", "reason"),
    [
        (LiveMeter(steady, stops_after=0), "stopped after 0 readings"),
        (LiveMeter(steady, stalls_after=0), "said nothing for 0.05 s after 0 readings"),
    ],
)
def test_a_meter_that_is_never_heard_is_a_fault_before_the_work_begins(meter: LiveMeter, reason: str) -> None:
    async def work() -> None:
        raise AssertionError("it has begun")

    with pytest.raises(MeterError, match=reason):
        asyncio.run(recorded(meter, work, stall_s=0.05))


@pytest.mark.parametrize(
    ("meter", "reason"),
    [
        (LiveMeter(steady, stops_after=2), "stopped after 2 readings"),
        (LiveMeter(steady, stalls_after=2), "said nothing for 0.05 s after 2 readings"),
    ],
)
def test_a_meter_that_stops_or_stalls_in_the_middle_cancels_the_work(meter: LiveMeter, reason: str) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(MeterError, match=reason):
        asyncio.run(recorded(meter, work, stall_s=0.05))
    assert ended == ["cancelled"]


def test_a_fault_of_the_meter_itself_is_told_in_its_words() -> None:
    def broken(_: float) -> float:
        raise MeterError("bench meter: garbled, 3 lines of 4")

    with pytest.raises(MeterError, match="garbled, 3 lines of 4"):
        asyncio.run(recorded(LiveMeter(broken), short_work))


def test_a_fault_of_the_work_is_told_in_its_words() -> None:
    async def work() -> None:
        raise DeviceError("board: connection lost")

    with pytest.raises(DeviceError, match="connection lost"):
        asyncio.run(recorded(LiveMeter(steady), work))


@pytest.mark.parametrize("fails", [False, True])
def test_afterwards_the_meter_is_closed(fails: bool) -> None:
    meter = LiveMeter(steady)

    async def work() -> None:
        assert meter.open == 1
        if fails:
            raise DeviceError("board: connection lost")

    async def both() -> int:
        with pytest.raises(DeviceError) if fails else nothing():
            await recorded(meter, work)
        return meter.open

    assert asyncio.run(both()) == 0


def test_cancelled_it_cancels_the_work_and_closes_the_meter() -> None:
    meter = LiveMeter(steady)
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("work")

    async def both() -> int:
        recording = asyncio.create_task(recorded(meter, work))
        await asyncio.sleep(0.05)
        recording.cancel()
        with pytest.raises(asyncio.CancelledError):
            await recording
        return meter.open

    assert asyncio.run(both()) == 0
    assert ended == ["work"]


# --- as text ---------------------------------------------------------------------------------------------------------


def test_a_trace_is_read_as_it_was_written() -> None:
    info = MeterInfo("bench meter", 0.5, resolution_w=0.001)
    trace = Trace(info, (PowerReading(12345.678901, 5.012, 0.684, 3.428, 0.264), reading(12346.2, 3.5)))
    assert Trace.from_text(trace.to_text()) == trace


WATTS_ALONE = [PowerReading(7.0 + 0.2 * turn, math.nan, math.nan, 3.5, 0.0) for turn in range(2)]


def test_a_trace_of_a_meter_that_tells_watts_alone_is_read_as_it_was_written() -> None:
    (first, _) = Trace.from_text(Trace(MeterInfo("bench meter", 1.0), tuple(WATTS_ALONE)).to_text()).readings
    assert (math.isnan(first.volts), math.isnan(first.amps), first.watts) == (True, True, 3.5)


def test_a_reading_asked_for_again_counts_once_where_watts_are_all_there_is() -> None:
    assert len(sifted(Trace(MeterInfo("bench meter", 1.0), tuple(WATTS_ALONE)))) == 1


def test_an_empty_trace_is_read_as_it_was_written() -> None:
    trace = Trace(MeterInfo("bench meter", 0.5), ())
    assert Trace.from_text(trace.to_text()) == trace


@pytest.mark.parametrize(("meter", "active_s", "most"), [(SLOW, 60.0, 3_000), (QUICK, 5.0, 30_000)])
def test_a_trace_takes_a_few_bytes_a_reading(meter: object, active_s: float, most: int) -> None:
    simulation = simulated(Load(), meter, active_s=active_s, idle_s=active_s / 2)  # type: ignore[arg-type]
    assert len(simulation.trace.to_text()) < most


# --- sifting ---------------------------------------------------------------------------------------------------------


def sift(*pairs: tuple[float, float], period_s: float = 1.0) -> list[tuple[float, float, float]]:
    """(when it came, watts, when it ended at the earliest) of what is left of (when it came, watts)."""
    trace = Trace(MeterInfo("bench meter", period_s), tuple(reading(*pair) for pair in pairs))
    return [(each.time_s, each.watts, each.ended_s) for each in sifted(trace)]


def test_what_comes_in_time_has_just_ended() -> None:
    assert sift((0, 3.0), (1, 3.1), (1.9, 3.2))[1:] == [(1, 3.1, 1), (1.9, 3.2, 1.9)]


def test_nobody_knows_how_old_the_first_is() -> None:
    assert sift((7, 3.0))[0] == (7, 3.0, -math.inf)


def test_zeros_before_the_first_value_are_none() -> None:
    assert [watts for _, watts, _ in sift((0, 0.0), (1, 0.0), (2, 3.1), (3, 3.2))] == [3.1, 3.2]


def test_a_zero_later_is_a_reading() -> None:
    assert [watts for _, watts, _ in sift((0, 3.1), (1, 0.0), (2, 3.2))] == [3.1, 0.0, 3.2]


@pytest.mark.parametrize("pairs", [[(0.0, 0.0), (1.0, 0.0)], []])
def test_nothing_but_zeros_is_a_fault(pairs: list[tuple[float, float]]) -> None:
    with pytest.raises(MeterError, match=rf"0 W all the time \({len(pairs)} readings\): is its output on"):
        sift(*pairs)


def test_a_reading_asked_for_again_counts_once() -> None:
    assert [at for at, _, _ in sift((0, 3.1), (0.2, 3.1), (0.4, 3.1), (1, 3.2), (1.2, 3.2))] == [0, 1]


def test_a_reading_that_repeats_in_time_is_one_of_its_own() -> None:
    assert len(sift((0, 3.1), (1, 3.1), (2, 3.1))) == 3


def test_a_late_reading_may_be_as_old_as_it_is_late() -> None:
    assert sift((0, 3.0), (1.7, 3.1))[1] == (1.7, 3.1, 1.0)


def test_what_was_held_up_and_comes_at_once_may_be_as_old_as_what_came_before() -> None:
    rows = sift((0, 3.0), (1, 3.1), (4.0, 5.1), (4.01, 5.2), (4.02, 5.3), (5, 5.4))
    assert [ended_s for _, _, ended_s in rows[2:]] == [1, 1, 1, 5]


def test_in_the_bursts_of_a_quick_meter_nothing_is_older_than_a_burst() -> None:
    times = [0.015 * burst + 0.0001 * place for burst in range(20) for place in range(3)]
    rows = sift(*((time_s, 3 + time_s) for time_s in times), period_s=0.005)
    assert max(time_s - ended_s for time_s, _, ended_s in rows[3:]) < 0.016


def test_a_scripted_meter_is_read_to_its_last_word() -> None:
    readings = [reading(float(second), 3.0) for second in range(5)]
    _, trace = asyncio.run(recorded(ScriptedMeter(readings), short_work))
    assert trace.readings == tuple(readings)


def test_sifted_readings_keep_what_was_read() -> None:
    single = reading(7, 3.0)
    assert sifted(Trace(MeterInfo("bench meter", 1.0), (single,))) == (Sifted(single, -math.inf),)
