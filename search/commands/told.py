"""Told: an error as a person reads it: what is wrong and why, and on a line of its own what to type next."""

import argparse
import re
import shlex

from evaluators.errors import DeviceError, MeterError
from search.commands.command_line import program
from search.results.terminal import plain

# How a message of ours ends that names a command; where it is not typed here, it says where.
_NEXT = re.compile(r"[;?] (?=next(?:, [^:;]+)?: )")
_HERE = "python -m search "


def told(error: Exception, options: argparse.Namespace | None) -> list[str]:
    problem, typed = parts(str(error))
    if not typed and isinstance(error, DeviceError | MeterError):
        typed = f"next: {_doctor(options)}"
    return [plain(line) for line in (f"error: {problem}", typed) if line]


def parts(text: str) -> tuple[str, str]:
    """What is wrong, and from the word "next" on what to type."""
    ends = list(_NEXT.finditer(text))
    if not ends:
        return text, ""
    problem, typed = text[: ends[-1].start()], text[ends[-1].end() :]
    return problem + text[ends[-1].start()].strip(";"), typed.replace(_HERE, " ".join(program()) + " ")


def _doctor(options: argparse.Namespace | None) -> str:
    """The command that looks at the same board and meter, one thing after the other."""
    chosen = vars(options) if options else {}
    devices = chosen.get("devices") or [chosen.get("device") or chosen.get("host")]
    meters = chosen.get("meters") or [chosen.get("url")]
    named = [*(("--device", device) for device in devices), *(("--meter", meter) for meter in meters)]
    return shlex.join([*program(), "doctor", *(word for words in named if words[1] for word in words)])
