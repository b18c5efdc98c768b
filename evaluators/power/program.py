"""A program here whose output is a meter's lines; it is killed once nobody reads it."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from evaluators.errors import MeterError
from evaluators.power.stream import Opening, Stream, words

# The end of a program's standard error is kept for the message about its failure, in bytes.
COMPLAINT_BYTES = 4096
EXIT_S = 1.0


def program(command: tuple[str, ...], name: str) -> Opening:
    """No shell."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Stream, None]:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C is for us; and what it starts is killed with it.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise MeterError(f"{name}: {command[0]} cannot be started: {error}; is it installed?") from error
        output = _Output(process, name)
        try:
            yield output
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await output.finish()

    return opened


class _Output:
    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name
        self._complaint = b""
        self._listening = asyncio.create_task(self._listen())

    async def read(self) -> bytes:
        assert self._process.stdout is not None
        if part := await self._process.stdout.read(4096):
            return part
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_S):
                await self._process.wait()
                await asyncio.wait([self._listening])
        status = self._process.returncode
        raise MeterError(
            f"{self._name}: it ended{'' if status is None else f' with status {status}'} ({words(self._complaint)})"
        )

    async def finish(self) -> None:
        await self._process.wait()
        self._listening.cancel()
        await asyncio.wait([self._listening])
        # What a child of its children holds open does not hold us.
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while part := await self._process.stderr.read(4096):
            self._complaint = (self._complaint + part)[-COMPLAINT_BYTES:]
