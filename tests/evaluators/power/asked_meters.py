"""Meters that are asked, on real sockets of the loopback: plugs over HTTP, a bench supply with SCPI."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

WATTS = 3.42
# Answers of scripts: SILENT says nothing, CLOSED ends the connection.
SILENT, CLOSED = object(), object()


@dataclass
class Plug:
    """Answers each path in turn with what its script says: JSON, bytes as they are, SILENT or CLOSED."""

    answers: dict[str, Callable[[], Iterable[Any]]]
    status: int = 200
    chunked: bool = False
    port: int = 0
    paths: list[str] = field(default_factory=list)
    scripts: dict[str, Any] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.paths.append(path)
            if path not in self.answers:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            script = self.scripts.setdefault(path, iter(self.answers[path]()))
            answer = next(script)
            if answer is SILENT:
                await reader.read()
            elif answer is not CLOSED:
                writer.write(answer if isinstance(answer, bytes) else self._http(json.dumps(answer, indent=1).encode()))
        finally:
            writer.close()

    def _http(self, body: bytes) -> bytes:
        head = b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n" % self.status
        if self.chunked:
            half = len(body) // 2
            parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + parts
        return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@asynccontextmanager
async def plug(
    answers: dict[str, Callable[[], Iterable[Any]]], status: int = 200, chunked: bool = False
) -> AsyncGenerator[Plug, None]:
    served = Plug(answers, status, chunked)
    async with listening(served):
        yield served


@asynccontextmanager
async def listening(served: "Plug | Supply") -> AsyncGenerator[None, None]:
    """Serves on a port of loopback, which `served` is told."""
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        # A moment, until what is connected has been told.
        await asyncio.sleep(0.02)


def wobbling() -> Iterable[float]:
    """No two figures the same, as of a real board."""
    return (round(WATTS + 0.01 * (number % 3 - 1), 2) for number in count())


def first_shelly() -> dict[str, Callable[[], Iterable[Any]]]:
    return {
        "/shelly": lambda: ({"type": "SHPLG-S", "mac": "A", "auth": False} for _ in count()),
        "/status": lambda: (
            {"relays": [{"ison": True}], "meters": [{"power": watts, "is_valid": True}]} for watts in wobbling()
        ),
    }


def later_shelly(component: str = "switch:0", power: str = "apower") -> dict[str, Callable[[], Iterable[Any]]]:
    return {
        "/shelly": lambda: ({"app": "PlusPlugS", "gen": 2, "auth_en": False} for _ in count()),
        "/rpc/Shelly.GetStatus": lambda: (
            {"sys": {"uptime": 7}, component: {"id": 0, power: watts, "voltage": 230.1, "current": 0.037}}
            for watts in wobbling()
        ),
    }


def tasmota(power: Callable[[float], Any] = lambda watts: watts) -> dict[str, Callable[[], Iterable[Any]]]:
    return {
        "/cm?cmnd=Status%2010": lambda: (
            {"StatusSNS": {"Time": "2026-11-27T10:00:00", "ENERGY": {"Power": power(watts), "Voltage": 230}}}
            for watts in wobbling()
        )
    }


@dataclass
class Supply:
    """Answers each question as `answer` does: text, SILENT, or CLOSED."""

    answer: Callable[[str], Any]
    port: int = 0
    questions: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.questions.append(line.decode().strip())
                answer = self.answer(self.questions[-1])
                if answer is CLOSED:
                    return
                if answer is not SILENT:
                    writer.write(answer if isinstance(answer, bytes) else f"{answer}\n".encode())
        finally:
            writer.close()


@asynccontextmanager
async def supply(answer: Callable[[str], Any]) -> AsyncGenerator[Supply, None]:
    served = Supply(answer)
    async with listening(served):
        yield served


def dp832() -> Callable[[str], Any]:
    figures = wobbling()
    watts = iter(figures)

    def answer(question: str) -> Any:
        command = question.split()[0]
        if command == "*IDN?":
            return "RIGOL TECHNOLOGIES,DP832,DP8A1234,00.01.16"
        return {"MEAS:VOLT?": "5.000", "MEAS:CURR?": f"{next(watts) / 5:.5f}", "MEAS:POW?": f"{next(watts):.3f}"}[
            command
        ]

    return answer
