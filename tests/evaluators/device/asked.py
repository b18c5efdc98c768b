"""The on-device program, asked by hand, so that what it says can be followed while it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.evaluators.device.short import program


class Asked:
    """The program, started with a request; its standard input stays open. Killed when the block is left."""

    def __init__(self, request: bytes, file: Path | None = None, **environment: str) -> None:
        self.program = subprocess.Popen(
            [sys.executable, str(file or program())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        self.write(request.strip() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.program.kill()
        with self.program:
            pass

    @property
    def pid(self) -> int:
        return self.program.pid

    def write(self, content: bytes) -> None:
        assert self.program.stdin is not None
        self.program.stdin.write(content)
        self.program.stdin.flush()

    def next(self) -> dict[str, Any]:
        assert self.program.stdout is not None
        line = self.program.stdout.readline()
        assert line.isascii()
        assert line.endswith(b"\n"), "it has ended without saying more"
        message: dict[str, Any] = json.loads(line)
        return message

    def until(self, word: str) -> list[dict[str, Any]]:
        """What the program says up to the first progress or event of that word."""
        messages = [self.next()]
        while word not in messages[-1].get("what", messages[-1]["event"]):
            assert messages[-1]["event"] == "progress", messages[-1].get("message", "the result")
            messages.append(self.next())
        return messages

    def ends(self, within_s: float) -> tuple[int, bytes]:
        """Exit status, and what it said on standard error."""
        status = self.program.wait(within_s)
        assert self.program.stderr is not None
        return status, self.program.stderr.read()


def whats(messages: list[dict[str, Any]]) -> list[str]:
    return [message["what"] for message in messages if message["event"] == "progress"]
