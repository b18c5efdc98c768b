"""Plugs and bench supplies: each protocol, and everything that can go wrong on the way."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from evaluators.errors import MeterError
from evaluators.power.choose import open_meter
from evaluators.power.meter import MeterInfo, PowerReading
from space.errors import RequestError
from tests.contracts.meter import WATTS, MeterContract, OpenMeter, first, readings_of
from tests.evaluators.device.sshd import free_port
from tests.evaluators.power.asked_meters import CLOSED, SILENT, dp832, first_shelly, later_shelly, plug, supply, tasmota
from tests.evaluators.power.own_time import own_time

__all__ = ["own_time"]

pytestmark = pytest.mark.usefixtures("own_time")

STATUS, LATER, SENSORS = "/status", "/rpc/Shelly.GetStatus", "/cm?cmnd=Status%2010"


@asynccontextmanager
async def plugged(kind: str, answers: dict[str, Callable[[], Iterable[Any]]], options: str = "", **others: Any):
    async with plug(answers, **others) as served:
        yield open_meter(f"{kind}://127.0.0.1:{served.port}{options}")


@asynccontextmanager
async def supplied(answer: Callable[[str], Any], options: str = ""):
    async with supply(answer) as served:
        yield open_meter(f"scpi://127.0.0.1:{served.port}{options}")


class TestFirstShelly(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: plugged("shelly", first_shelly())


class TestLaterShelly(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: plugged("shelly", later_shelly(), chunked=True)


class TestTasmota(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: plugged("tasmota", tasmota(), chunked=True)


class TestScpi(MeterContract):
    @pytest.fixture
    def meter(self) -> OpenMeter:
        return lambda: supplied(dp832())


def heard(opened: Any, readings: int = 1) -> tuple[MeterInfo, list[PowerReading]]:
    async def read() -> tuple[MeterInfo, list[PowerReading]]:
        async with opened as meter:
            first_readings = await first(meter, readings)
            return meter.info, first_readings

    return asyncio.run(read())


def fault(opened: Any, readings: int = 50) -> str:
    with pytest.raises(MeterError) as caught:
        readings_of(opened, readings)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 350
    return str(caught.value)


def then(answers: dict[str, Any], path: str, *last: Any) -> dict[str, Callable[[], Iterable[Any]]]:
    """Some readings, then this, the last of it for ever."""

    def script() -> Iterable[Any]:
        for answer, _ in zip(answers[path](), range(5), strict=False):
            yield answer
        yield from last
        while True:
            yield last[-1]

    return answers | {path: script}


def only(answers: dict[str, Any], path: str, *last: Any) -> dict[str, Callable[[], Iterable[Any]]]:
    return answers | {path: lambda: (last[min(number, len(last) - 1)] for number in count())}


def test_a_plug_says_that_its_power_supply_is_in_its_figure_and_how_fine_it_is() -> None:
    info, (reading,) = heard(plugged("shelly", first_shelly()))
    assert "SHPLG-S" in info.name
    assert "board and its power supply, at the socket (AC)" in str(info.provenance)
    assert (info.period_s, info.resolution_w) == (1.0, 0.01)
    # Volts and amps of alternating current do not multiply to watts.
    assert reading.volts != reading.volts
    assert "PlusPlugS" in heard(plugged("shelly", later_shelly()))[0].name


def test_it_is_asked_about_once_a_second_and_no_more() -> None:
    async def read() -> tuple[list[str], float]:
        async with plug(later_shelly()) as served:
            begun_s = time.monotonic()
            await first(open_meter(f"shelly://127.0.0.1:{served.port}"), 10)
            return served.paths, time.monotonic() - begun_s

    paths, seconds = asyncio.run(read())
    assert paths[:2] == ["/shelly", LATER]
    assert 10 <= paths.count(LATER) <= 12
    assert 9 < seconds < 13


def test_whole_watts_are_known_to_one_watt() -> None:
    """Tasmota tells whole watts unless it is set otherwise."""
    info, (reading,) = heard(plugged("tasmota", tasmota(round)))
    assert (info.resolution_w, reading.watts) == (1.0, 3.0)


@pytest.mark.parametrize(("component", "power"), [("pm1:1", "apower"), ("em1:1", "act_power"), ("switch:1", "apower")])
def test_a_channel_of_a_shelly_is_chosen(component: str, power: str) -> None:
    info, (reading,) = heard(plugged("shelly", later_shelly(component, power), "?channel=1"))
    assert reading.watts == pytest.approx(WATTS, rel=0.01)
    assert info.name.endswith("channel 1")


def test_a_channel_of_tasmota_is_chosen_and_one_that_is_not_there_is_named() -> None:
    two_channels = tasmota(lambda watts: [0, watts])
    assert heard(plugged("tasmota", two_channels, "?channel=1"))[1][0].watts == pytest.approx(WATTS, rel=0.01)
    assert "no power of channel 2; it has 2 channels" in fault(plugged("tasmota", two_channels, "?channel=2"))
    assert "no power of channel 1; it has 1 channels" in fault(plugged("shelly", first_shelly(), "?channel=1"))


@pytest.mark.parametrize("kind", ["shelly", "tasmota", "scpi"])
def test_where_nobody_listens_the_connection_is_refused(kind: str) -> None:
    async def read() -> None:
        await first(open_meter(f"{kind}://127.0.0.1:{free_port()}"), 1)

    with pytest.raises(MeterError, match=r"connection refused: .* no meter at port"):
        asyncio.run(read())


@pytest.mark.parametrize(
    ("kind", "answers", "path"),
    [("shelly", first_shelly(), STATUS), ("shelly", later_shelly(), LATER), ("tasmota", tasmota(), SENSORS)],
)
class TestFaults:
    def test_silence_is_no_answer(self, kind: str, answers: Any, path: str) -> None:
        assert "no answer within 5 s; is it switched on" in fault(plugged(kind, only(answers, path, SILENT)))

    def test_silent_in_the_middle_it_is_given_up(self, kind: str, answers: Any, path: str) -> None:
        assert "no answer within 5 s" in fault(plugged(kind, then(answers, path, SILENT)))

    def test_gone_in_the_middle_it_is_given_up(self, kind: str, answers: Any, path: str) -> None:
        assert "it closed the connection without an answer" in fault(plugged(kind, then(answers, path, CLOSED)))

    def test_gone_for_a_moment_it_is_asked_again(self, kind: str, answers: Any, path: str) -> None:
        back = iter(answers[path]())
        away = then(answers, path, CLOSED, SILENT, *(next(back) for _ in range(20)))
        assert len(readings_of(plugged(kind, away), 12)) == 12

    def test_a_password_is_named(self, kind: str, answers: Any, path: str) -> None:
        answer = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
        assert "asks for a password" in fault(plugged(kind, only(answers, path, answer)))
        assert "asks for a password" in fault(plugged(kind, then(answers, path, answer)))

    def test_another_status_is_named(self, kind: str, answers: Any, path: str) -> None:
        answer = b"HTTP/1.1 500 Oh\r\n\r\n"
        assert f"it answers 500 to {path}" in fault(plugged(kind, only(answers, path, answer)))

    @pytest.mark.parametrize("garbage", [{"other": 1}, [1, 2], "text"])
    def test_garbage_in_the_middle_is_shown(self, kind: str, answers: Any, path: str, garbage: Any) -> None:
        assert "are no readings, such as" in fault(plugged(kind, then(answers, path, garbage)))

    def test_what_is_not_http_is_named(self, kind: str, answers: Any, path: str) -> None:
        for answer in (b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff\xfe" * 100, b"HTTP/1.1 banana\r\n\r\n"):
            assert "is not HTTP" in fault(plugged(kind, only(answers, path, answer)))

    def test_an_answer_without_an_end_is_not_waited_for(self, kind: str, answers: Any, path: str) -> None:
        endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000
        message = fault(plugged(kind, only(answers, path, endless)))
        assert "no JSON" in message

    def test_nothing_plugged_in_is_no_reading(self, kind: str, answers: Any, path: str) -> None:
        off = {
            STATUS: {"meters": [{"power": 0.0}]},
            LATER: {"switch:0": {"apower": 0.0}},
            SENSORS: {"StatusSNS": {"ENERGY": {"Power": 0}}},
        }
        assert "0 W for 3 s: its output is off" in fault(plugged(kind, only(answers, path, off[path])))


def test_what_is_no_plug_of_its_kind_is_named() -> None:
    assert "it answers 404 to /shelly" in fault(plugged("shelly", {}))
    assert "names no model; is it a Shelly?" in fault(plugged("shelly", {"/shelly": lambda: ({} for _ in count())}))
    assert "no JSON; is it a Shelly?" in fault(
        plugged("shelly", {"/shelly": lambda: (b"HTTP/1.0 200 OK\r\n\r\nhi",) * 2})
    )
    for answer, words in (
        ({"StatusSNS": {"Time": "now"}}, "no energy monitor"),
        ({"Command": "Unknown"}, "is it Tasmota?"),
        ({"WARNING": "Need user=<username>&password=<password>"}, "asks for a password"),
    ):
        assert words in fault(plugged("tasmota", only(tasmota(), SENSORS, answer)))


@pytest.mark.parametrize("power", ["nan", "1e3", 1e9, -3.0, None, True])
def test_figures_that_cannot_be_are_no_readings(power: Any) -> None:
    answer = {"StatusSNS": {"ENERGY": {"Power": power}}}
    assert "are no readings" in fault(plugged("tasmota", only(tasmota(), SENSORS, answer)))


def test_a_supply_is_asked_for_volts_and_amps_of_its_channel_or_for_power() -> None:
    async def asked(options: str) -> tuple[str, list[str]]:
        async with supply(dp832()) as served:
            meter = open_meter(f"scpi://127.0.0.1:{served.port}{options}")
            await first(meter, 2)
            return meter.info.title, served.questions

    title, questions = asyncio.run(asked("?channel=CH1"))
    assert "(DP832)" in title
    assert "volts x amps as it reads them back" in title
    assert questions[:3] == ["*IDN?", "MEAS:VOLT? CH1", "MEAS:CURR? CH1"]
    title, questions = asyncio.run(asked("?ask=power&channel=(@2)"))
    assert set(questions) == {"*IDN?", "MEAS:POW? (@2)"}


@pytest.mark.parametrize(
    ("identity", "voltage", "words"),
    [
        (SILENT, "5.0", "silent: no answer to *IDN? within 3 s"),
        (CLOSED, "5.0", "busy: it closed the connection without an answer"),
        (b"x" * 200_000, "5.0", "its answer to *IDN? has no end"),
        ("A,B,C,D", SILENT, "silent: no answer to MEAS:VOLT? within 3 s"),
        ("A,B,C,D", CLOSED, "busy: it closed the connection without an answer"),
        ("A,B,C,D", "ERROR -113", "are no readings, such as"),
        ("A,B,C,D", b"\xff\xfe\n", "are no readings, such as"),
        ("A,B,C,D", "nan", "are no readings, such as"),
        ("A,B,C,D", "4.2e1", "are no readings, such as"),
    ],
)
def test_a_supply_s_faults_are_named(identity: Any, voltage: Any, words: str) -> None:
    answers = {"*IDN?": identity, "MEAS:VOLT?": voltage, "MEAS:CURR?": "0.684"}
    assert words in fault(supplied(lambda question: answers[question]))


@pytest.mark.parametrize(("end", "words"), [(CLOSED, "it closed the connection"), (SILENT, "no answer to MEAS:CURR?")])
def test_a_supply_that_goes_in_the_middle_is_given_up(end: Any, words: str) -> None:
    answered, turns = dp832(), iter(range(20))

    def answer(question: str) -> Any:
        return end if next(turns, None) is None and question == "MEAS:CURR?" else answered(question)

    assert words in fault(supplied(answer))


def test_an_output_that_is_off_is_named() -> None:
    answers = {"*IDN?": "A,B", "MEAS:VOLT?": "0.0003", "MEAS:CURR?": "-0.0001"}
    assert "0 W for 3 s" in fault(supplied(lambda question: answers[question]))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("shelly:", "is no host"),
        ("shelly://h?channel=x", "valid is a number from 0 to 9"),
        ("tasmota://h?via=board", "valid is channel="),
        ("scpi://h?channel=1;*RST", "valid is what its manual writes"),
        ("scpi://h?hz=100", "valid is a number from 0.2 to 20"),
        ("scpi://h?ask=amps", "valid is volts, power"),
        ("scpi://h:0", "is no host"),
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        open_meter(url)
