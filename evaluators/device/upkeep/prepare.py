"""Preparation of a board: a virtual environment in its ~/.ondevice-search, with an ONNX Runtime that runs there.

Built beside the one in use, and made known by a link at the very end: an interruption leaves nothing half.
"""

import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluators.device.devices.board_folder import FOLDER, check_bits
from evaluators.device.on_board.fields import printable
from evaluators.device.on_board.last_words import last_line
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.options import Login
from evaluators.device.ssh.shell import Finished, Shell
from evaluators.device.upkeep import wheels
from evaluators.device.upkeep.releases import OLDEST_PYTHON, UNUSABLE, Release, releases_for
from evaluators.errors import DeviceError

CONVOLUTION = Path(__file__).with_name("convolution.py")
# The environment, the wheels it is made from, and pip's copies of them, with room to spare.
ROOM_KB = 600_000
# On the memory card of a Pi 3, each many times what it takes on a quiet one.
PROBE_S = 60.0
VENV_S = 300.0
INDEX_S = 20.0
INSTALL_S = 1200.0
RUN_S = 120.0
SWITCH_S = 120.0
SIGILL = -4
# Small, and needed by every ONNX Runtime.
_SMALL = "flatbuffers"

Say = Callable[[str], None]

# What an environment holds, in the words of its stamp.
_VERSIONS = """
import json, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
versions = {name: version(name) for name in ("numpy", "onnxruntime", "pillow")}
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], **versions}, sort_keys=True))
"""
_PYTHON = """
import struct, sys
print("python=%d.%d" % sys.version_info[:2])
print("python_bits=%d" % (8 * struct.calcsize("P")))
try:
    import ensurepip, venv
    print("venv=yes")
except ImportError:
    pass
"""
# One round trip. It makes nothing but the folder.
_PROBE = f"""
LC_ALL=C; export LC_ALL; umask 077; dir="$HOME/{FOLDER}"
echo "bits=$(getconf LONG_BIT 2>/dev/null)"
echo "machine=$(uname -m)"
echo "glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)"
echo "home=$HOME"
echo "path=$PATH"
mkdir -p "$dir" && chmod 700 "$dir" || exit 1
echo "free_kb=$(df -Pk "$dir" | awk 'NR == 2 {{ print $4 }}')"
python3 -c "$1" </dev/null 2>/dev/null
if [ -f "$dir/venv/prepared.json" ]; then
    echo "stamp=$(cat "$dir/venv/prepared.json")"
    echo "versions=$("$dir/venv/bin/python" -c "$2" </dev/null 2>/dev/null)"
fi
exit 0
"""
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
"environments/$2/bin/python" -c "$3" >"environments/$2/prepared.json" && sync || exit 1
[ -L venv ] || rm -rf venv
ln -sfn "environments/$2" "venv.$2" && mv -fT "venv.$2" venv || exit 1
for old in environments/*; do [ "$old" = "environments/$2" ] || rm -rf "$old"; done
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    python: str
    onnxruntime: str
    numpy: str
    pillow: str | None
    # False: all was there.
    made: bool = True

    def __str__(self) -> str:
        pillow = f", Pillow {self.pillow}" if self.pillow else ""
        return f"Python {self.python}, ONNX Runtime {self.onnxruntime}, NumPy {self.numpy}{pillow}"


async def prepare(address: Address, *, course: bool = False, login: Login | None = None, say: Say) -> Prepared:
    """Nothing is done where it has been done. `course`: also what the course's own scripts import."""
    shell = await Shell.open(address, login)
    try:
        board = await _Board.probe(address, shell)
        prepared = board.prepared(course)
        if prepared is not None:
            return prepared
        releases = board.check()
        async with _alone(board):
            await _make(board, releases, course, say)
        prepared = (await _Board.probe(address, shell)).prepared(course)
        if prepared is None:
            raise DeviceError(f"{address}: what was prepared is not found again in ~/{FOLDER}/venv; try once more")
        return replace(prepared, made=True)
    finally:
        await shell.close()


@dataclass(frozen=True, slots=True)
class _Board:
    address: Address
    shell: Shell
    # What the probe tells, by name.
    facts: Mapping[str, str]

    @classmethod
    async def probe(cls, address: Address, shell: Shell) -> "_Board":
        done = await shell.run("sh", "-c", _PROBE, "sh", _PYTHON, _VERSIONS, limit_s=PROBE_S)
        if done.status != 0:
            raise DeviceError(f"{address}: ~/{FOLDER} cannot be made: {last_line(done.stderr)}")
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        facts = {"home": "", "path": "", **dict(line.split("=", 1) for line in lines if "=" in line)}
        if not facts["home"].startswith("/"):
            raise DeviceError(f"{address}: HOME {printable(facts['home'])!r} is no folder; log in there and look")
        return cls(address, shell, facts)

    @property
    def folder(self) -> str:
        return f"{self.facts['home']}/{FOLDER}"

    @property
    def python(self) -> tuple[int, int]:
        return _numbers(self.facts.get("python", ""))

    def prepared(self, course: bool) -> Prepared | None:
        """As the stamp says, if the environment still is what it says."""
        stamp = self.facts.get("stamp", "")
        if not stamp or stamp != self.facts.get("versions"):
            return None
        try:
            prepared = Prepared(**json.loads(stamp), made=False)
        except (ValueError, TypeError):
            return None
        usable = prepared.numpy and prepared.onnxruntime and prepared.onnxruntime != UNUSABLE
        return prepared if usable and (prepared.pillow or not course) else None

    def check(self) -> tuple[Release, ...]:
        """The releases to try; DeviceError with what a person has to do first."""
        machine = printable(self.facts.get("machine", ""))
        check_bits(self.address, self.facts.get("bits") or ("64" if "64" in machine else "32"), machine)
        python = self.facts.get("python")
        if not python:
            raise DeviceError(f"{self.address}: it has no Python; next, there: sudo apt install python3 python3-venv")
        check_bits(self.address, self.facts.get("python_bits", ""), machine)
        releases = releases_for(self.python)
        if not releases:
            oldest = ".".join(map(str, OLDEST_PYTHON))
            raise DeviceError(
                f"{self.address}: no ONNX Runtime is known for its Python {printable(python)}, only for {oldest} and "
                "newer; install a newer Raspberry Pi OS"
            )
        if "venv" not in self.facts:
            raise DeviceError(
                f"{self.address}: its Python cannot make environments (no ensurepip); "
                "next, there: sudo apt install python3-venv"
            )
        free_kb = self.facts.get("free_kb", "")
        if free_kb.isdigit() and int(free_kb) < ROOM_KB:
            raise DeviceError(
                f"{self.address}: {int(free_kb) / 1e3:.0f} MB are free in its home, {ROOM_KB / 1e3:.0f} MB are needed; "
                "make room there"
            )
        return releases

    async def step(self, what: str, *command: str, limit_s: float) -> Finished:
        done = await self.shell.run(*command, limit_s=limit_s)
        if done.status != 0:
            raise DeviceError(f"{self.address}: {what} failed: {last_line(done.stderr or done.stdout)}")
        return done


@contextlib.asynccontextmanager
async def _alone(board: _Board) -> AsyncGenerator[None]:
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


async def _make(board: _Board, releases: tuple[Release, ...], course: bool, say: Say) -> None:
    name = f"{time.time_ns():x}"
    environment = f"{board.folder}/environments/{name}"
    python = f"{environment}/bin/python"
    await board.step("making a folder", "sh", "-c", _BEGIN, "sh", board.folder, name, limit_s=SWITCH_S)
    say(f"{board.address}: making an environment for its Python {printable(board.facts['python'])}")
    await board.step("making an environment", "python3", "-m", "venv", environment, limit_s=VENV_S)
    has_network = await _reaches_an_index(board, python, environment)
    for place, release in enumerate(releases):
        requirements = (*release.requirements, *(("pillow",) if course else ()))
        if has_network:
            say(f"{board.address}: installing {release} from its own network")
            await _install(board, python, *requirements)
        else:
            say(f"{board.address}: it reaches no package index; fetching {release} here")
            await _bring(board, requirements, f"{environment}/wheels", say)
            await _install(board, python, "--no-index", f"--find-links={environment}/wheels", *requirements)
        say(f"{board.address}: running a convolution")
        if await _runs(board, python):
            break
        if place + 1 == len(releases):
            raise DeviceError(
                f"{board.address}: every ONNX Runtime for its Python ends with an illegal instruction, "
                f"{release} too; its processor needs a build of its own"
            )
        say(f"{board.address}: {release} ends with an illegal instruction on this processor; trying an older one")
    switch = ("sh", "-c", _SWITCH, "sh", board.folder, name, _VERSIONS)
    await board.step("putting the environment in its place", *switch, limit_s=SWITCH_S)


async def _reaches_an_index(board: _Board, python: str, environment: str) -> bool:
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


async def _install(board: _Board, python: str, *words: str) -> None:
    command = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    await board.step("pip install", *command, "--only-binary=:all:", *words, limit_s=INSTALL_S)


async def _bring(board: _Board, requirements: tuple[str, ...], folder: str, say: Say) -> None:
    glibc = _numbers(board.facts.get("glibc", "").removeprefix("glibc "))
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


async def _runs(board: _Board, python: str) -> bool:
    """False if the processor lacks an instruction; as for a measurement, in a clean environment."""
    clean = ("env", "-i", f"HOME={board.facts['home']}", f"PATH={board.facts['path']}", "LANG=C.UTF-8")
    done = await board.shell.run(*clean, python, "-", input=CONVOLUTION.read_bytes(), limit_s=RUN_S)
    if done.status == SIGILL:
        return False
    if done.status != 0:
        raise DeviceError(f"{board.address}: ONNX Runtime does not run there: {last_line(done.stderr)}")
    return True


def _numbers(text: str) -> tuple[int, int]:
    first, _, second = text.partition(".")
    return (int(first), int(second)) if first.isdigit() and second.isdigit() else (0, 0)
