"""Preparation of a board: a virtual environment in its ~/.ondevice-search, with runtimes that run there.

Built beside the one in use, and made known by a link at the very end: an interruption leaves nothing half.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from evaluators.device.devices.board_folder import FOLDER
from evaluators.device.on_board.fields import printable
from evaluators.device.on_board.last_words import last_line
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.options import Login
from evaluators.device.ssh.shell import Shell
from evaluators.device.upkeep.installation import Installation
from evaluators.device.upkeep.probed_board import VERSIONS, Prepared, ProbedBoard, distributions, left_out_json
from evaluators.errors import DeviceError

# Limits on the memory card of a Pi 3, each many times what it takes on a quiet one.
VENV_S = 300.0
INDEX_S = 20.0
SWITCH_S = 120.0
# A distribution that is small, and on every index.
_SMALL = "flatbuffers"

Say = Callable[[str], None]

# The lock is held for as long as the program's input is open.
_HOLD = "echo held; exec cat"
# What interruptions left goes first. The environment in use stays until the new one takes its place.
_BEGIN = """
cd "$1" || exit 1
for old in environments/*; do [ "$(readlink venv)" = "$old" ] || rm -rf "$old"; done
mkdir -p "environments/$2/wheels"
"""
_SWITCH = """
cd "$1" && rm -rf "environments/$2/wheels" || exit 1
name=$2; versions=$4
printf %s "$3" >"environments/$name/left-out.json" || exit 1
shift 4
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
    installation = Installation(board, environment, await _reaches_an_index(board, python, environment), say)
    left_out = await installation.fill(("pillow",) if course else ())
    words = (board.folder, name, left_out_json(left_out), VERSIONS, *distributions(board.wanted))
    await board.step("putting the environment in its place", "sh", "-c", _SWITCH, "sh", *words, limit_s=SWITCH_S)


async def _reaches_an_index(board: ProbedBoard, python: str, environment: str) -> bool:
    """Whether the board's pip gets at an index, whatever index or proxy it is configured for; given up soon."""
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
