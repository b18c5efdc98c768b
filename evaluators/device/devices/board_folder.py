"""The folder of a board over ssh: what one look at it tells, the program in it, and the files of tasks."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluators.device.on_board.fields import printable
from evaluators.device.on_board.last_words import last_line
from evaluators.device.on_board.requests import START_S
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.shell import Shell
from evaluators.errors import DeviceError
from evaluators.runtimes.runtime import RUNTIMES, runtimes
from evaluators.runtimes.settings import DEFAULT_RUNTIME
from space.files import sha256

FOLDER = ".ondevice-search"

# One round trip for all there is to know. Python starts as it will for a measurement, in a clean environment; the
# arguments are what it has to import, one of them at least.
_PROBE = f"""
LC_ALL=C; export LC_ALL; umask 077; dir="$HOME/{FOLDER}"
echo "bits=$(getconf LONG_BIT 2>/dev/null)"
echo "machine=$(uname -m)"
echo "home=$HOME"
echo "path=$PATH"
echo "boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
mkdir -p "$dir/program" "$dir/files" && chmod 700 "$dir" || exit 1
if [ -x "$dir/venv/bin/python" ]; then echo "python=$dir/venv/bin/python"
else for module; do
    env -i "HOME=$HOME" "PATH=$PATH" python3 -c "import numpy, $module" >/dev/null 2>&1 && echo python=python3 && break
done
fi
cd "$dir" || exit 1
find program files -name '*.part*' -mmin +60 -exec rm -f {{}} +
ls -dtr program/* files/* 2>/dev/null | xargs stat -c 'file=%s %n' 2>/dev/null
exit 0
"""


@dataclass(frozen=True, slots=True)
class BoardFolder:
    """What is in the home of the user over there."""

    home: str
    path: str
    python: str
    boot_id: str
    # Bytes of each file, by its name in the folder, the least recently used first.
    sizes: Mapping[str, int]

    @property
    def folder(self) -> str:
        return f"{self.home}/{FOLDER}"


async def look(address: Address, shell: Shell) -> BoardFolder:
    """The folder, made where there is none. DeviceError with the next step where nothing can be measured."""
    known = runtimes()
    done = await shell.run("sh", "-c", _PROBE, "sh", *(runtime.module for runtime in known), limit_s=START_S)
    facts: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        size, _, file = value.partition(" ")
        if name == "file" and size.isdigit():
            sizes[file] = int(size)
        else:
            facts[name] = value
    machine = printable(facts.get("machine", ""))
    check_bits(address, facts.get("bits") or ("64" if "64" in machine else "32"), machine)
    if done.status != 0:
        raise DeviceError(f"{address}: ~/{FOLDER} cannot be made: {last_line(done.stderr)}")
    home, path, python = facts.get("home", ""), facts.get("path", ""), facts.get("python", "")
    if not home.startswith("/") or not path:
        raise DeviceError(f"{address}: HOME {printable(home)!r} is no folder; log in there and look")
    if not python:
        raise DeviceError(
            f"{address}: no Python there has NumPy and {' or '.join(runtime.title for runtime in known)}; "
            f"next: python -m search devices prepare {address}"
        )
    return BoardFolder(home, path, python, facts.get("boot", ""), sizes)


def check_bits(address: Address, bits: str, machine: str) -> None:
    """`bits` are those of the system's programs: a 64-bit kernel may have 32-bit ones."""
    if bits != "64":
        raise DeviceError(
            f"{address}: its system is {printable(bits)}-bit (kernel {machine}), for which there is "
            f"no {RUNTIMES.get(DEFAULT_RUNTIME).title}; install the 64-bit Raspberry Pi OS; next, once it runs: "
            f"python -m search devices trust {address}"
        )


async def program_placed(shell: Shell, folder: BoardFolder, program: Path) -> str:
    """The program's path over there; sent under its digest, where it is not there yet."""
    digest, size = identity(program)
    name = f"program/{digest}{program.suffix}"
    if folder.sizes.get(name) != size:
        await shell.upload(program, f"{folder.folder}/{name}", digest)
    return f"{folder.folder}/{name}"


def identity(path: Path) -> tuple[str, int]:
    """sha256 and size. A local file that is not there is, as on this machine, no fault of the recipe."""
    try:
        status = path.stat()
        return _sha256(path.resolve(), status.st_size, status.st_mtime_ns), status.st_size
    except OSError as error:
        raise DeviceError(f"{path} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    return sha256(path)
