"""Bench supplies and power analysers that speak SCPI: `scpi://HOST[:5025][?channel=CH1&ask=power&hz=5]`, raw TCP.

What a supply reads back at its terminals is what the board takes, and what its cable loses.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from evaluators.errors import MeterError
from evaluators.power.asked import Ask, asked
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.stream import Board, shown
from evaluators.power.tcp import CONNECT_S
from space.errors import RequestError

PORT = 5025
# The limit of an answer: a supply that is asked from its front panel takes some tenths of a second.
ANSWER_S = 3.0
# How long supplies average is seldom said: assumed, as the network's delay is.
AVERAGED_S, LINK_S = 0.1, 0.2
LIMITS = Limits(silence_s=10.0, reconnect_s=15.0, first_line=True)
ADVICE = "is its output on, and its channel the one that the board hangs on?"
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{0,12})?([eE][+-]?\d{1,3})?")
# A channel, as manuals write it behind a question: CH1 (Rigol, Siglent), (@1) (Keysight), P6V.
_CHANNEL = re.compile(r"[A-Za-z0-9(@)]{0,8}")
_QUESTIONS = {"volts": ("MEAS:VOLT?", "MEAS:CURR?"), "power": ("MEAS:POW?",)}
_IDENTITY = "*IDN?"


class Supply:
    def __init__(self, host: str, port: int, questions: tuple[str, ...], channel: str, period_s: float) -> None:
        self._host, self._port, self._period_s = host, port, period_s
        self._questions = tuple(f"{question} {channel}".strip() for question in questions)
        name = f"SCPI at {host}" + (f":{port}" if port != PORT else "")
        self._name = f"{name}, {channel}" if channel else name
        self._model = ""

    @property
    def info(self) -> MeterInfo:
        note = "volts x amps as it reads them back" if len(self._questions) == 2 else "power as it reads it back"
        name = f"{self._name} ({self._model})" if self._model else self._name
        return MeterInfo(name, self._period_s, AVERAGED_S, note=note, link_s=LINK_S)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Ask, None]:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            self._model = _model(await self._answer(reader, writer, _IDENTITY))

            async def ask() -> bytes:
                return b" ".join([await self._answer(reader, writer, question) for question in self._questions])

            yield ask
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: str) -> bytes:
        """One line. An instrument that does not know a question says nothing."""
        writer.write(f"{question}\n".encode())
        try:
            async with asyncio.timeout(ANSWER_S):
                line = await reader.readline()
        except TimeoutError:
            raise MeterError(
                f"{self._name}: silent: no answer to {question} within {ANSWER_S:g} s; does it know this question, and "
                "is the port its SCPI port?"
            ) from None
        except ValueError:
            raise MeterError(f"{self._name}: its answer to {question} has no end; is the port its SCPI port?") from None
        if not line:
            raise ConnectionResetError
        return line.strip()

    def parse(self, line: str) -> Sample | None:
        words = line.split()
        if len(words) != len(self._questions) or not all(map(_NUMBER.fullmatch, words)):
            raise GarbageError(f"no answer to {' and '.join(self._questions)}")
        # An output that takes nothing is read back as some noise around zero.
        figures = [0.0 if -0.01 < figure < 0 else figure for figure in map(float, words)]
        return sample(figures[0], figures[1]) if len(figures) == 2 else sample(watts=figures[0])


def _model(answer: bytes) -> str:
    """Manufacturer,model,serial,firmware: the second, else all of it."""
    words = answer.decode("ascii", "replace").split(",")
    return shown((words[1] if len(words) > 1 else words[0]).strip())


def scpi(rest: str, board: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("scpi", rest, "channel", "ask", "hz")
    host, port = place.host_and_port(PORT)
    channel = place.options.get("channel", "")
    if not _CHANNEL.fullmatch(channel):
        raise RequestError(
            f"meter {place.url}: channel={channel}; valid is what its manual writes behind MEAS:VOLT?, as CH1 or (@1)"
        )
    period_s = 1 / place.number("hz", 5, 0.2, 20)
    questions = _QUESTIONS[place.choice("ask", "volts", "power")]
    supply = Supply(host, port, questions, channel, period_s)
    return LineMeter(asked(supply.opened, period_s, supply.info.name, port), lambda: supply, limits, ADVICE)
