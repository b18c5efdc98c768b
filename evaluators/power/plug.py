"""Plug: what meters between the socket and a power supply have in common: asked over HTTP, once a second.

They see alternating current, so what the power supply itself takes is in their figure.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import Any

from evaluators.errors import MeterError
from evaluators.power.asked import Ask, asked
from evaluators.power.lines import Limits, LineMeter, Parser
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.stream import shown
from evaluators.power.tcp import CONNECT_S

PORT = 80
PERIOD_S = 1.0
# A plug works its figure out about once a second, at moments of its own: it may be as old as that when it is asked.
AVERAGED_S, LINK_S = 1.0, 1.0
# An answer of a whole plug has two or three thousand bytes.
MOST_BYTES = 1 << 16
LIMITS = Limits(silence_s=10.0, reconnect_s=15.0, line_bytes=MOST_BYTES, first_line=True)
MEASURES = "board and its power supply, at the socket (AC)"
ADVICE = "is something plugged in, and is this the right channel?"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,7})\r\n", re.IGNORECASE)


class _Bytes:
    """What the library's reader of answers takes for a connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._content)


async def get(host: str, port: int, path: str, name: str) -> bytes:
    """One GET on a connection of its own. OSError where nobody answers; MeterError where the answer is no such one."""
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            # An address of IPv6 stands in brackets; the connection is closed, as plugs have room for few clients.
            at = f"[{host}]" if ":" in host else host
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n".encode())
            content = await _whole(reader)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return _body(content, path, name)


async def _whole(reader: asyncio.StreamReader) -> bytes:
    """The answer to the length that it says, or to its end."""
    content = b""
    while part := await reader.read(4096):
        content += part
        head, _, body = content.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if len(content) > MOST_BYTES or (length and len(body) >= int(length[1])):
            break
    if not content:
        raise ConnectionResetError
    return content[:MOST_BYTES]


def _body(content: bytes, path: str, name: str) -> bytes:
    # The library asks of a connection no more than makefile.
    response = HTTPResponse(_Bytes(content))  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except (HTTPException, ValueError) as error:
        raise MeterError(
            f"{name}: what it answers to {path} is not HTTP ({shown(str(error)) or type(error).__name__}); "
            "is this the right kind of meter?"
        ) from error
    if response.status in (401, 403):
        raise locked(name)
    if response.status != 200:
        raise MeterError(f"{name}: it answers {response.status} to {path}; is this the right kind of meter?")
    return body


def locked(name: str) -> MeterError:
    return MeterError(
        f"{name}: it asks for a password, and no password is kept here; switch its authentication off for as long as "
        "it measures"
    )


def values(line: str) -> dict[str, Any]:
    """Numbers stay text, whose digits say how fine they are. GarbageError."""
    try:
        content = json.loads(line, parse_float=str, parse_int=str)
    except ValueError:
        raise GarbageError("no JSON") from None
    if not isinstance(content, dict):
        raise GarbageError("no JSON object")
    return content


def watts(text: object) -> Sample:
    """Volts and amps of alternating current do not multiply to watts: they are left out."""
    if not isinstance(text, str) or not re.fullmatch(r"-?\d{1,5}(\.\d{1,6})?", text):
        raise GarbageError("no power in it")
    # Noise around zero.
    figure = float(text)
    return sample(watts=0.0 if -0.5 < figure < 0 else figure)


def resolution_w(text: str) -> float:
    """3 is known to 1 W, 3.4 to 0.1 W."""
    return float(10.0 ** -len(text.partition(".")[2]))


def info(name: str, resolution: float) -> MeterInfo:
    return MeterInfo(name, PERIOD_S, AVERAGED_S, measures=MEASURES, resolution_w=resolution, link_s=LINK_S)


def plug(
    place: Place, name: str, begin: Callable[[], Any], ask: Ask, parser: Callable[[], Parser], limits: Limits
) -> LineMeter:
    """`begin` finds out what kind of plug it is."""
    _, port = place.host_and_port(PORT)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Ask, None]:
        await begin()
        yield ask

    return LineMeter(asked(opened, PERIOD_S, name, port), parser, limits, ADVICE)
