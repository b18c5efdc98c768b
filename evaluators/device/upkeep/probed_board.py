"""A board as one look at it found it, before it is prepared: what it has, and what a person has to do first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.device.devices.board_folder import FOLDER, check_bits
from evaluators.device.on_board.fields import printable
from evaluators.device.on_board.last_words import last_line
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.shell import Finished, Shell
from evaluators.errors import DeviceError
from evaluators.runtimes.runtime import Runtime, runtimes_for_boards

# The limit on the memory card of a Pi 3, many times what it takes on a quiet one.
PROBE_S = 60.0

# What an environment holds, in the words of its stamp; the names are those of distributions, as arguments.
VERSIONS = """
import json, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
versions = {name: version(name) for name in sys.argv[1:]}
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
# The probe takes one round trip, and makes nothing but the folder.
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
    versions=$2; shift 2
    echo "versions=$("$dir/venv/bin/python" -c "$versions" "$@" </dev/null 2>/dev/null)"
    [ ! -f "$dir/venv/left-out.json" ] || echo "left_out=$(cat "$dir/venv/left-out.json")"
fi
exit 0
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    python: str
    # What a person calls each runtime, with its version.
    runtimes: tuple[str, ...]
    numpy: str
    pillow: str | None
    # What a person calls each runtime that cannot be had there, with the reason.
    left_out: tuple[str, ...] = ()
    # Whether anything was made; False: all was there.
    made: bool = True

    def __str__(self) -> str:
        pillow = f", Pillow {self.pillow}" if self.pillow else ""
        without = f"; without {', '.join(self.left_out)}" if self.left_out else ""
        return f"Python {self.python}, {', '.join(self.runtimes)}, NumPy {self.numpy}{pillow}{without}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a runtime cannot be had on a board, by the releases that were tried: others may fit."""

    reason: str
    releases: tuple[str, ...]

    @classmethod
    def of(cls, runtime: Runtime, python: tuple[int, int], reason: str) -> "LeftOut":
        return cls(reason, tuple(release.requirements[0] for release in runtime.releases(python)))

    @classmethod
    def all_from_json(cls, text: str) -> "dict[str, LeftOut]":
        """Those that a text names, by the runtimes' names; none of a text that is another."""
        try:
            return {
                str(name): cls(printable(reason), tuple(releases))
                for name, (reason, releases) in json.loads(text).items()
            }
        except (ValueError, TypeError, AttributeError):
            return {}


def left_out_json(left_out: "Mapping[str, LeftOut]") -> str:
    return json.dumps({name: [each.reason, each.releases] for name, each in left_out.items()})


@dataclass(frozen=True, slots=True)
class ProbedBoard:
    address: Address
    shell: Shell
    # What the probe tells, by name.
    facts: Mapping[str, str]
    # What it is to have, where there is a release of it.
    wanted: tuple[Runtime, ...]

    @classmethod
    async def probe(cls, address: Address, shell: Shell) -> "ProbedBoard":
        needed = runtimes_for_boards()
        command = ("sh", "-c", _PROBE, "sh", _PYTHON, VERSIONS, *distributions(needed))
        done = await shell.run(*command, limit_s=PROBE_S)
        if done.status != 0:
            raise DeviceError(f"{address}: ~/{FOLDER} cannot be made: {last_line(done.stderr)}")
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        facts = {"home": "", "path": "", **dict(line.split("=", 1) for line in lines if "=" in line)}
        if not facts["home"].startswith("/"):
            raise DeviceError(f"{address}: HOME {printable(facts['home'])!r} is no folder; log in there and look")
        return cls(address, shell, facts, needed)

    @property
    def folder(self) -> str:
        return f"{self.facts['home']}/{FOLDER}"

    @property
    def python(self) -> tuple[int, int]:
        return numbers(self.facts.get("python", ""))

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """The wanted runtimes that there are for its Python."""
        return tuple(runtime for runtime in self.wanted if runtime.releases(self.python))

    def prepared(self, course: bool) -> Prepared | None:
        """What the stamp says, if the environment still is what it says."""
        stamp = self.facts.get("stamp", "")
        if not stamp or stamp != self.facts.get("versions"):
            return None
        try:
            versions = json.loads(stamp)
            python, numpy, pillow = versions["python"], versions["numpy"], versions["pillow"]
            titles = {runtime: _installed(runtime, versions) for runtime in self.runtimes or self.wanted}
        except (ValueError, TypeError, KeyError):
            return None
        left_out = self._left_out(tuple(runtime for runtime, title in titles.items() if not title))
        if left_out is None or not any(titles.values()) or not numpy or (course and not pillow):
            return None
        return Prepared(python, tuple(filter(None, titles.values())), numpy, pillow, left_out, made=False)

    def _left_out(self, lacking: Sequence[Runtime]) -> tuple[str, ...] | None:
        """Why each of them is not there; None where that is not known, or there are releases that were not tried."""
        known = LeftOut.all_from_json(self.facts.get("left_out", ""))
        reasons = {runtime: known[runtime.name].reason for runtime in lacking if runtime.name in known}
        tried = all(known[runtime.name] == LeftOut.of(runtime, self.python, reasons[runtime]) for runtime in reasons)
        if not tried or len(reasons) < len(lacking):
            return None
        return tuple(f"{runtime.title} ({reason})" for runtime, reason in reasons.items())

    def check(self) -> None:
        """DeviceError with what a person has to do first."""
        machine = printable(self.facts.get("machine", ""))
        check_bits(self.address, self.facts.get("bits") or ("64" if "64" in machine else "32"), machine)
        python = self.facts.get("python")
        if not python:
            raise DeviceError(f"{self.address}: it has no Python; next, there: sudo apt install python3 python3-venv")
        check_bits(self.address, self.facts.get("python_bits", ""), machine)
        if not self.runtimes:
            first = self.wanted[0]
            oldest = ".".join(map(str, first.oldest_python))
            raise DeviceError(
                f"{self.address}: no {first.title} is known for its Python {printable(python)}, only for {oldest} and "
                "newer; install a newer Raspberry Pi OS"
            )
        if "venv" not in self.facts:
            raise DeviceError(
                f"{self.address}: its Python cannot make environments (no ensurepip); "
                "next, there: sudo apt install python3-venv"
            )
        free_kb, room_kb = self.facts.get("free_kb", ""), sum(runtime.room_kb for runtime in self.runtimes)
        if free_kb.isdigit() and int(free_kb) < room_kb:
            raise DeviceError(
                f"{self.address}: {int(free_kb) / 1e3:.0f} MB are free in its home, {room_kb / 1e3:.0f} MB are needed; "
                "make room there"
            )

    async def step(self, what: str, *command: str, limit_s: float) -> Finished:
        done = await self.shell.run(*command, limit_s=limit_s)
        if done.status != 0:
            raise DeviceError(f"{self.address}: {what} failed: {last_line(done.stderr or done.stdout)}")
        return done


def distributions(needed: Sequence[Runtime]) -> tuple[str, ...]:
    """What the stamp of an environment names."""
    return ("numpy", *dict.fromkeys(name for runtime in needed for name in runtime.distributions), "pillow")


def _installed(runtime: Runtime, versions: Mapping[str, str | None]) -> str | None:
    """What a person calls it, with its version; None where there is none that is usable."""
    for distribution in runtime.distributions:
        version = versions[distribution]
        if version and runtime.usable(version):
            older = "" if distribution == runtime.distribution else f" ({distribution})"
            return f"{runtime.title} {version}{older}"
    return None


def numbers(text: str) -> tuple[int, int]:
    first, _, second = text.partition(".")
    return (int(first), int(second)) if first.isdigit() and second.isdigit() else (0, 0)
