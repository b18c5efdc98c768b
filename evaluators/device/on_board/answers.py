"""Answers of the on-device program, line by line as it works, whatever carries them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from evaluators.device.device import Ping, Progress
from evaluators.device.on_board.fields import Fields, GarbledError, parsed, shown
from evaluators.device.on_board.requests import request_line
from evaluators.errors import DeviceError
from space.errors import CandidateError

# The program speaks at each step, and once a second while it times: 33 ms a run on a Pi 3B+, loading a few seconds.
SILENCE_S = 90.0
# Round trips each time the board is at rest. With these gaps between them they fit into half a second on any network
# that is near, and a burst on it does not spoil them all.
PINGS = 12
PING_GAP_S = 0.02


class Lines(Protocol):
    """Where the answers come from: asyncio's and asyncssh's readers both do."""

    async def readline(self) -> bytes: ...


class Pinger:
    """Asks the board for its time whenever it comes to rest, one ping after the other, and keeps the round trips.

    A ping that meets the board at work gets no answer, and nobody waits for one.
    """

    def __init__(self, write: Callable[[bytes], Awaitable[None]], pings: list[Ping]) -> None:
        self._write = write
        self._pings = pings
        self._left = 0
        self._number = 0
        self._sent_s = 0.0

    async def begin(self) -> None:
        self._left = PINGS
        await self._next()

    async def answered(self, message: dict[str, object], received_s: float) -> None:
        fields = Fields(message)
        number, board_s = fields.whole("n", 1, self._number), fields.number("board_s", 0)
        if number < self._number:
            # This ping was given up long ago.
            return
        self._pings.append(Ping(self._sent_s, board_s, received_s))
        await asyncio.sleep(PING_GAP_S)
        await self._next()

    async def _next(self) -> None:
        if self._left:
            self._left -= 1
            self._number += 1
            self._sent_s = time.monotonic()
            await self._write(request_line({"ping": self._number}))


async def answer(
    lines: Lines,
    *,
    device: str,
    model: str,
    progress: Progress | None,
    limit_s: float | None,
    silence_s: float = SILENCE_S,
    pinger: Pinger | None = None,
) -> dict[str, object] | None:
    """The program's result; None if it went without one, which its exit status has to explain.

    Raises CandidateError if the model is to blame, DeviceError for anything else.
    """
    step = "starting"
    try:
        async with asyncio.timeout(limit_s):
            while True:
                async with asyncio.timeout(silence_s) as silence:
                    line = await _next(lines, device)
                received_s = time.monotonic()
                if not line.endswith(b"\n"):
                    return None
                try:
                    message = parsed(line)
                    if pinger is not None and message.get("event") == "pong":
                        await pinger.answered(message, received_s)
                        continue
                    news = _progress(message, device=device, model=model)
                except GarbledError as error:
                    raise DeviceError(f"{device}: the on-device program gave no proper answer: {error}") from error
                if news is None:
                    return message
                step, share = news
                if pinger is not None and step == "settling":
                    await pinger.begin()
                if progress is not None:
                    progress(step, share)
    except TimeoutError:
        waited = f"{silence_s:g} s of silence" if silence.expired() else f"{limit_s:g} s in all"
        raise DeviceError(f"{device}: no answer while {step}, after {waited}; is it overloaded or suspended?") from None


async def _next(lines: Lines, device: str) -> bytes:
    try:
        return await lines.readline()
    except ValueError as error:
        raise DeviceError(f"{device}: the on-device program gave an answer without an end: {error}") from error


def _progress(message: dict[str, object], *, device: str, model: str) -> tuple[str, float] | None:
    """What the program is doing, and the share done; None with its result; its error raised."""
    event = message.get("event")
    if event == "result":
        return None
    fields = Fields(message)
    if event == "error":
        if message.get("kind") == "model":
            raise CandidateError(f"{model} does not run on {device}: {fields.text('message')}")
        raise DeviceError(f"{device}: {fields.text('message')}")
    if event != "progress":
        raise GarbledError(f"an event of unknown kind, {shown(event)}")
    return fields.text("what"), fields.number("share", 0, 1)
