"""From what the user writes to a device: `user@host`, `ssh:HOST`, a board's name, `local`, `replay:FILE`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from space.errors import RequestError

if TYPE_CHECKING:
    from evaluators.device.device import Device

VALID = "user@host[:port], ssh:HOST or a name (a board), local (this machine) or replay:FILE (a recording)"


def open_device(spec: str) -> "Device":
    """Not yet entered. RequestError names what would be valid."""
    kind, colon, rest = spec.partition(":")
    choose = CHOICES.get(kind + colon)
    if choose is not None:
        return choose(rest)
    if "@" in spec:
        return _ssh(spec)
    return _named(spec)


def _local(_: str) -> "Device":
    from evaluators.device.local import LocalDevice

    return LocalDevice()


def _replay(rest: str) -> "Device":
    from evaluators.device.replay import ReplayDevice

    if not rest:
        raise RequestError("device replay: names no file; valid is replay:FILE")
    return ReplayDevice(Path(rest))


def _ssh(rest: str) -> "Device":
    from evaluators.device.address import Address
    from evaluators.device.raspberry import SshDevice

    return SshDevice(Address.parse(rest))


def _named(name: str) -> "Device":
    from evaluators.device.boards import known, read_boards

    boards = read_boards()
    if name not in boards:
        raise RequestError(f"device {name!r} is not known; valid is {VALID}; {known(boards)}")
    return _ssh(str(boards[name]))


# What stands before the colon, the colon included where one is wanted.
CHOICES: dict[str, "Callable[[str], Device]"] = {"local": _local, "replay:": _replay, "ssh:": _ssh}
