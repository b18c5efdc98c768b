"""Preparation of a board: a virtual environment in its ~/.ondevice-search, with runtimes that run there.

Built beside the one in use, and made known by a link at the very end: an interruption leaves nothing half.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluators.device.devices.board_folder import FOLDER
from evaluators.device.on_board.fields import printable
from evaluators.device.on_board.last_words import last_line
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.options import Login
from evaluators.device.ssh.shell import Shell
from evaluators.device.upkeep import wheels
from evaluators.device.upkeep.probed_board import VERSIONS, Prepared, ProbedBoard, distributions, numbers
from evaluators.errors import DeviceError
from evaluators.runtimes.runtime import Release, Runtime

# On the memory card of a Pi 3, each many times what it takes on a quiet one.
VENV_S = 300.0
INDEX_S = 20.0
INSTALL_S = 1200.0
RUN_S = 120.0
SWITCH_S = 120.0
SIGILL = -4
# Small, and on every index.
_SMALL = "flatbuffers"

Say = Callable[[str], None]

# For as long as its input is open.
_HOLD = "echo held; exec cat"
# What interruptions left goes first. The environment in use stays until the new one takes its place.
_BEGIN = """
cd "$1" || exit 1
for old in environments/*; do [ "$(readlink venv)" = "$old" ] || rm -rf "$old"; done
mkdir -p "environments/$2/wheels"
"""
_SWITCH = """
cd "$1" && rm -rf "environments/$2/wheels" || exit 1
name=$2; versions=$3; shift 3
"environments/$name/bin/python" -c "$versions" "$@" >"environments/$name/prepared.json" && sync || exit 1
[ -L venv ] || rm -rf venv
ln -sfn "environments/$name" "venv.$name" && mv -fT "venv.$name" venv || exit 1
for old in environments/*; do [ "$old" = "environments/$name" ] || rm -rf "$old"; done
"""


async def prepare(address: Address, *, course: bool = False, login: Login | None = None, say: Say) -> Prepared:
    """Nothing is done where it has been done. `course`: also what the course's own scripts import."""
    shell = await Shell.open(address, login)
    try:
        board = await ProbedBoard.probe(address, shell)
        prepared = board.prepared(course)
        if prepared is not None:
            return prepared
        board.check()
        async with _alone(board):
            await _make(board, course, say)
        prepared = (await ProbedBoard.probe(address, shell)).prepared(course)
        if prepared is None:
            raise DeviceError(f"{address}: what was prepared is not found again in ~/{FOLDER}/venv; try once more")
        return replace(prepared, made=True)
    finally:
        await shell.close()


@contextlib.asynccontextmanager
async def _alone(board: ProbedBoard) -> AsyncGenerator[None]:
    """Two preparations at once would remove each other's work."""
    lock = f"{board.folder}/prepare.lock"
    async with board.shell.start("flock", "-n", lock, "sh", "-c", _HOLD) as holder:
        if await holder.readline() != b"held\n":
            complaints = await holder.last_words()
            reason = (
                last_line(complaints) if complaints else "somebody else is preparing it; try again when that has ended"
            )
            raise DeviceError(f"{board.address}: {reason}")
        yield


async def _make(board: ProbedBoard, course: bool, say: Say) -> None:
    name = f"{time.time_ns():x}"
    environment = f"{board.folder}/environments/{name}"
    python = f"{environment}/bin/python"
    await board.step("making a folder", "sh", "-c", _BEGIN, "sh", board.folder, name, limit_s=SWITCH_S)
    say(f"{board.address}: making an environment for its Python {printable(board.facts['python'])}")
    await board.step("making an environment", "python3", "-m", "venv", environment, limit_s=VENV_S)
    installation = _Installation(board, environment, await _reaches_an_index(board, python, environment), say)
    for runtime in board.wanted:
        if runtime not in board.runtimes:
            say(f"{board.address}: no {runtime.title} is known for its Python; it is left out")
    requirements: tuple[str, ...] = ("pillow",) if course else ()
    for runtime in board.runtimes:
        # With what the runtimes before it need: pip is to keep that.
        requirements = await installation.add(runtime, requirements)
    switch = ("sh", "-c", _SWITCH, "sh", board.folder, name, VERSIONS, *distributions(board.wanted))
    await board.step("putting the environment in its place", *switch, limit_s=SWITCH_S)


@dataclass(frozen=True, slots=True)
class _Installation:
    """An environment on a board that is being filled."""

    board: ProbedBoard
    environment: str
    has_network: bool
    say: Say

    @property
    def python(self) -> str:
        return f"{self.environment}/bin/python"

    async def add(self, runtime: Runtime, others: tuple[str, ...]) -> tuple[str, ...]:
        """The newest release that runs there, beside what the others require; all of these requirements."""
        address, releases = self.board.address, runtime.releases(self.board.python)
        for place, release in enumerate(releases):
            requirements = (*release.requirements, *others)
            await self._install(release, requirements)
            self.say(f"{address}: running a convolution")
            if await _runs(self.board, self.python, runtime):
                return requirements
            if place + 1 < len(releases):
                self.say(
                    f"{address}: {release} ends with an illegal instruction on this processor; trying an older one"
                )
        raise DeviceError(
            f"{address}: every {runtime.title} for its Python ends with an illegal instruction, "
            f"{releases[-1]} too; its processor needs a build of its own"
        )

    async def _install(self, release: Release, requirements: tuple[str, ...]) -> None:
        board, wheels_there = self.board, f"{self.environment}/wheels"
        if self.has_network:
            self.say(f"{board.address}: installing {release} from its own network")
            await _install(board, self.python, *requirements)
        else:
            self.say(f"{board.address}: it reaches no package index; fetching {release} here")
            await _bring(board, requirements, wheels_there, self.say)
            await _install(board, self.python, "--no-index", f"--find-links={wheels_there}", *requirements)


async def _reaches_an_index(board: ProbedBoard, python: str, environment: str) -> bool:
    """By its own pip, with whatever index or proxy that is configured for; given up soon."""
    command = ("timeout", f"{INDEX_S:g}", python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    options = (
        "--no-input",
        "--no-deps",
        "--no-cache-dir",
        "--timeout=5",
        "--retries=0",
        f"--dest={environment}/wheels",
    )
    done = await board.shell.run(*command, *options, _SMALL, limit_s=INDEX_S + 10)
    return done.status == 0


async def _install(board: ProbedBoard, python: str, *words: str) -> None:
    command = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    await board.step("pip install", *command, "--only-binary=:all:", *words, limit_s=INSTALL_S)


async def _bring(board: ProbedBoard, requirements: tuple[str, ...], folder: str, say: Say) -> None:
    glibc = numbers(board.facts.get("glibc", "").removeprefix("glibc "))
    if glibc == (0, 0):
        raise DeviceError(f"{board.address}: it has no network, and no GNU C library that wheels are built for")
    target = wheels.Target(board.python, board.facts.get("machine", ""), glibc)
    with TemporaryDirectory() as here:
        try:
            files = await wheels.fetch(requirements, target, Path(here))
        except DeviceError as error:
            raise DeviceError(
                f"{board.address}: it reaches no package index, and {error}; connect it, or this machine, to a network"
            ) from error
        size = sum(file.stat().st_size for file in files)
        say(f"{board.address}: sending {len(files)} wheels, {size / 1e6:.0f} MB")
        for file in files:
            await board.shell.upload(file, f"{folder}/{file.name}")


async def _runs(board: ProbedBoard, python: str, runtime: Runtime) -> bool:
    """False if the processor lacks an instruction; as for a measurement, in a clean environment."""
    clean = ("env", "-i", f"HOME={board.facts['home']}", f"PATH={board.facts['path']}", "LANG=C.UTF-8")
    done = await board.shell.run(*clean, python, "-", input=runtime.probe.read_bytes(), limit_s=RUN_S)
    if done.status == SIGILL:
        return False
    if done.status != 0:
        raise DeviceError(f"{board.address}: {runtime.title} does not run there: {last_line(done.stderr)}")
    return True
