"""Health: what a device says of itself in one command, for a person who looks for what is missing; nothing is made."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from evaluators.device.device import BoardState
from evaluators.device.devices.board_folder import FOLDER
from evaluators.device.devices.local import NAME
from evaluators.device.on_board import application
from evaluators.device.on_board.fields import Fields, GarbledError, parsed, printable
from evaluators.device.on_board.last_words import last_line, signal_name
from evaluators.device.ssh.shell import Shell
from evaluators.errors import DeviceError
from evaluators.runtimes.runtime import RUNTIMES

# A Pi 3 takes three seconds to import a runtime.
LOOK_S = 60.0
PINGS = 5

# The look at a board uses the on-device program's own modules, read from its input and imported from memory: a search
# will see the same, and nothing is left on the board. The runtimes that it is to try are its arguments; it says each
# one's name first, as the import of one may end the process.
_LOOK = """
import importlib.abc, importlib.util, io, json, os, shutil, struct, sys, zipfile

archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
class Sent(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def file(self, name):
        path = name.replace(".", "/")
        return next((file for file in (path + ".py", path + "/__init__.py") if file in archive.namelist()), None)
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if self.file(name) else None
    def is_package(self, name):
        return self.file(name).endswith("/__init__.py")
    def get_source(self, name):
        return archive.read(self.file(name)).decode()
sys.meta_path.insert(0, Sent())

from evaluators.device.program.board import board_state
from evaluators.device.program.description import board_model, system_name
from evaluators.device.program.runtimes import part
print(json.dumps({
    "model": board_model(),
    "system": system_name(),
    "bits": struct.calcsize("P") * 8,
    "free_bytes": shutil.disk_usage(os.path.expanduser("~")).free,
    "state": board_state(True),
}), flush=True)
for name in sys.argv[1:]:
    print(json.dumps({"name": name, "text": "", "fault": ""}), flush=True)
    text = fault = ""
    try:
        import numpy
        text = "%s %s, NumPy %s, Python %d.%d" % (
            part(name).TITLE, part(name).version(), numpy.__version__, *sys.version_info[:2])
    except Exception as error:
        fault = "%s: %s" % (type(error).__name__, error)
    print(json.dumps({"name": name, "text": text, "fault": fault}), flush=True)
"""
# The Python that a measurement would choose.
_WITH_ITS_PYTHON = f"""
python="$HOME/{FOLDER}/venv/bin/python"; [ -x "$python" ] || python=python3
exec "$python" -c "$@"
"""
_CLOCK = "while read -r _; do date +%s.%N; done"


@dataclass(frozen=True, slots=True)
class RuntimeHealth:
    """One runtime, by its name in RUNTIMES: what it is in words, or why it does not start."""

    name: str
    text: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    model: str
    system: str
    bits: int
    free_bytes: float
    state: BoardState
    # Every runtime that is known, there or not.
    runtimes: tuple[RuntimeHealth, ...]


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The board's clock against ours; half of the fastest round trip is all that is unknown of it."""

    seconds: float
    uncertainty_s: float


# A look for runtimes of these names: what it said, and how it ended.
Look = Callable[[Sequence[str]], Awaitable[tuple[bytes, str]]]


async def health_here() -> Health:
    return await _health(NAME, _look_here)


async def _look_here(names: Sequence[str]) -> tuple[bytes, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _LOOK, *names), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=dict(os.environ)
    )
    try:
        async with asyncio.timeout(LOOK_S):
            output, complaints = await process.communicate(application.content())
    except TimeoutError:
        raise DeviceError(f"{NAME}: it had not described itself after {LOOK_S:g} s; is it overloaded?") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output, _fault(process.returncode or 0, complaints)


async def health_of(name: str, shell: Shell) -> Health:
    async def look(names: Sequence[str]) -> tuple[bytes, str]:
        command = ("sh", "-c", _WITH_ITS_PYTHON, "sh", _LOOK, *names)
        done = await shell.run(*command, input=application.content(), limit_s=LOOK_S)
        return done.stdout, _fault(done.status, done.stderr)

    return await _health(name, look)


async def clock_offset(name: str, shell: Shell) -> ClockOffset:
    """The best of a few round trips, timed by our monotonic clock."""
    ours = time.time() - time.monotonic()
    offsets = []
    try:
        async with asyncio.timeout(LOOK_S), shell.start("sh", "-c", _CLOCK) as clock:
            for _ in range(PINGS):
                began = time.monotonic()
                await clock.write(b"\n")
                line = await clock.readline()
                ended = time.monotonic()
                try:
                    theirs = float(line)
                except ValueError:
                    raise DeviceError(f"{name}: its clock says {printable(line)!r}") from None
                offsets.append(ClockOffset(theirs - ours - (began + ended) / 2, (ended - began) / 2))
    except TimeoutError:
        raise DeviceError(f"{name}: its clock did not answer within {LOOK_S:g} s") from None
    return min(offsets, key=lambda offset: offset.uncertainty_s)


def _fault(status: int, complaints: bytes) -> str:
    return f"ended by {signal_name(-status)}" if status < 0 else last_line(complaints)


async def _health(name: str, look: Look) -> Health:
    """A runtime that ends the process that looks is no reason not to look at those behind it."""
    remaining, described = list(RUNTIMES.names()), list[RuntimeHealth]()
    while True:
        output, ended = await look(remaining)
        lines = output.splitlines()
        if not lines:
            raise DeviceError(f"{name}: it has no Python that works ({ended}); python -m search devices prepare {name}")
        try:
            reports = [_runtime(Fields(parsed(line)), remaining) for line in lines[1:]]
            # The last word on each.
            latest = {each.name: each for each in reports}
            described += [each if each.text or each.fault else replace(each, fault=ended) for each in latest.values()]
            remaining = remaining[len(latest) :]
            if not remaining or not latest:
                return _described(Fields(parsed(lines[0])), described, remaining, ended)
        except GarbledError as error:
            raise DeviceError(f"{name}: it does not describe itself: {error}") from error


def _runtime(fields: Fields, asked: Sequence[str]) -> RuntimeHealth:
    name = fields.text("name")
    if name not in asked:
        raise GarbledError(f"{name!r} is no runtime that it was asked for")
    return RuntimeHealth(name, fields.text("text"), fields.text("fault"))


def _described(fields: Fields, described: Sequence[RuntimeHealth], unseen: Sequence[str], ended: str) -> Health:
    state = fields.inner("state")
    return Health(
        model=fields.text("model"),
        system=fields.text("system"),
        bits=fields.whole("bits", 8, 128),
        free_bytes=fields.number("free_bytes", 0),
        state=BoardState(
            temperature_c=state.number_or_none("temperature_c", -273.15, 1000),
            governor=state.text_or_none("governor"),
            throttled=state.whole_or_none("throttled", 0, 2**32 - 1),
        ),
        runtimes=(*described, *(RuntimeHealth(name, "", ended) for name in unseen)),
    )
