"""`devices meter`, as it is typed."""

import asyncio
import math
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
import time

import pytest

from evaluators.power.meter import MeterInfo, PowerReading
from search.commands.exit_status import INTERRUPTED, OK, REQUEST, RIG
from search.commands.meter import columns, figures, plot
from search.results.sparkline import BARS, sparkline
from tests.evaluators.device.conftest import board, sshd
from tests.evaluators.device.sshd import Board, free_port
from tests.evaluators.power import simulated
from tests.search.user import User, user

__all__ = ["board", "sshd", "user"]

SPEAK = "import time\nfor n in range(10**6):\n print('5.000', 0.684 + n % 2 / 100, flush=True); time.sleep(0.05)"
URL = "command:" + shlex.join([sys.executable, "-c", SPEAK])


def started(*words: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "search", "devices", "meter", *words]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, "TERM": "xterm"})


def readings(*watts: float) -> list[PowerReading]:
    return [PowerReading(float(second), 5.0, power_w / 5, power_w, 0.264) for second, power_w in enumerate(watts)]


def test_in_a_pipe_each_reading_is_a_line(user: User) -> None:
    status, out, err = user.types("devices", "meter", URL, "--seconds", "0.5")
    assert status == OK
    lines = out.splitlines()
    assert lines[0] in ("0.000 s  5.000 V  0.684 A  3.420 W", "0.000 s  5.000 V  0.694 A  3.470 W")
    assert "mean 3.4" in err
    assert f"{len(lines)} reading" in err


def test_a_recorded_log_is_shown_to_its_end(user: User) -> None:
    log = user.home / "log.csv"
    log.write_text("s,w\n" + "".join(f"{second},3\n" for second in range(90)))
    status, out, err = user.types("devices", "meter", f"csv:{log}")
    assert status == OK
    assert len(out.splitlines()) == 90
    assert "90 readings in 89.0 s: mean 3.000 W" in err


def test_a_meter_over_the_network_is_shown(user: User) -> None:
    """At its own pace: one line a second, the first two of which are no data."""
    port, over = free_port(), threading.Event()

    async def serve() -> None:
        meter = simulated.SmartPower2(lambda: simulated.stock_forever(1.0))
        async with await asyncio.start_server(meter.serve, "127.0.0.1", port):
            await asyncio.to_thread(over.wait)
            meter.over.set()
            await asyncio.sleep(0.02)

    serving = threading.Thread(target=asyncio.run, args=(serve(),))
    serving.start()
    try:
        time.sleep(0.2)
        status, out, err = user.types("devices", "meter", f"smartpower2://127.0.0.1:{port}", "--seconds", "1")
    finally:
        over.set()
        serving.join()
    assert status == OK
    assert {line.split()[-2][:3] for line in out.splitlines()} == {"3.4"}
    assert "(stock firmware): board, every 1 s, mean over 0.264 s" in err


def test_a_meter_on_the_board_is_read_through_it(user: User, board: Board) -> None:
    user.knows(board)
    rails = dict.fromkeys(["3V7_WL_SW", "3V3_SYS", "1V8_SYS", "DDR_VDD2", "DDR_VDDQ", "1V1_SYS"], (2.0, 0.1))
    rails |= dict.fromkeys(["0V8_SW", "VDD_CORE", "3V3_DAC", "3V3_ADC", "0V8_AON", "HDMI"], (1.0, 0.2))
    board.put_program("vcgencmd", f"cat <<'E'\n{simulated.pmic_read_adc(rails)}\nE")
    words = ("pmic:?on=board&fit=none", "--device", f"ssh:{board.address}", "--seconds", "0.5")
    status, out, _ = user.types("devices", "meter", *words)
    assert status == OK
    assert out.splitlines()[0].endswith("2.400 W")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nothing:"], REQUEST, "valid is smartpower2://HOST"),
        (["hwmon:?on=board"], REQUEST, "name it: --device"),
        (["smartpower2://127.0.0.1:1"], RIG, "connection refused"),
        (["csv:/no/such.csv"], RIG, "cannot be read"),
        (["csv:x", "--seconds", "0"], REQUEST, "no number of seconds"),
        (["csv:x", "--seconds", "nan"], REQUEST, "no number of seconds"),
    ],
)
def test_what_goes_wrong_is_one_line_and_where_to_look(user: User, words: list[str], status: int, message: str) -> None:
    returned, out, err = user.types("devices", "meter", *words)
    assert (returned, out) == (status, "")
    assert message in err
    assert len(err.splitlines()) == (2 if status == RIG else 1)


@pytest.mark.parametrize(("words", "status"), [([], OK), (["--seconds", "60"], INTERRUPTED)])
def test_ctrl_c_is_how_one_stops_unless_a_time_was_asked_for(words: list[str], status: int) -> None:
    process = started(URL, *words)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"0.000 s")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert b"Traceback" not in err
    assert b"mean 3.4" in err


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    process = started(URL)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == OK


def test_a_terminal_shows_the_last_minute() -> None:
    ours, theirs = pty.openpty()
    process = started(URL, "--seconds", "0.6", stdout=theirs)
    os.close(theirs)
    shown = b""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    process.communicate()
    assert process.returncode == OK
    text = shown.decode()
    assert "last minute: mean 3.4" in text
    assert set(BARS) & set(text)
    assert "5.000 V" in text


def test_the_line_goes_from_the_least_to_the_most() -> None:
    drawn = sparkline(columns(readings(*range(1, 61)), 59.0))
    assert (drawn[0], drawn[-1]) == (BARS[0], BARS[-1])
    assert list(drawn) == sorted(drawn)


def test_where_nothing_came_the_line_is_blank() -> None:
    shown = [reading for reading in readings(*[3.0] * 60) if not 20 <= reading.time_s < 30]
    assert sparkline(columns(shown, 59.0))[20:30] == " " * 10


def test_a_column_is_a_mean() -> None:
    """A hundred readings a second."""
    shown = [
        PowerReading(place / 100, 5, 1, 1.0 if place < 3000 else float(place % 2) * 4, 0.01) for place in range(6000)
    ]
    assert set(sparkline(columns(shown, 59.99))) == {BARS[0], BARS[-1]}


def test_the_noise_of_a_steady_board_is_a_flat_line() -> None:
    noisy = readings(*[3.0 + 0.01 * (place % 2) for place in range(60)])
    assert set(sparkline(columns(noisy, 59.0))) == {BARS[0]}


def test_the_plot_says_what_its_bars_stand_for() -> None:
    assert plot(MeterInfo("m", 1.0), readings(2.0, 4.0)).plain.endswith("(▁ 2.00 W, █ 4.00 W)")


def test_the_plot_speaks_of_the_last_minute_only() -> None:
    text = plot(MeterInfo("m", 1.0), readings(*[9.0] * 10, *[3.0] * 60)).plain
    assert "last minute: mean 3.000 W, 3.000 to 3.000 W" in text


def test_what_the_meter_does_not_tell_is_not_shown() -> None:
    assert figures(PowerReading(0.0, math.nan, math.nan, 2.0, 0.1)) == "2.000 W"
