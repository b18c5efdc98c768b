"""From what the user writes to a device: `user@host`, `ssh:HOST`, a board's name, `local`, `replay:FILE`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from space.errors import RequestError

if TYPE_CHECKING:
    from evaluators.device.device import Device
    from evaluators.device.ssh.address import Address
    from evaluators.device.ssh.shell import Shell

VALID = "user@host[:port], ssh:HOST or a name (a board), local (this machine) or replay:FILE (a recording)"


def open_device(spec: str) -> "Device":
    """The device, not yet entered. RequestError names what would be valid."""
    address = address_of(spec)
    if address is None:
        kind, colon, rest = spec.partition(":")
        return CHOICES[kind + colon](rest)
    from evaluators.device.devices.over_ssh import SshDevice

    return SshDevice(address)


def address_of(spec: str) -> "Address | None":
    """The address of a board over ssh; None for the other devices. RequestError names what would be valid."""
    kind, colon, rest = spec.partition(":")
    if kind + colon in CHOICES:
        return None
    from evaluators.device.ssh.address import Address

    if kind + colon == "ssh:":
        return Address.parse(rest)
    if "@" in spec:
        return Address.parse(spec)
    from evaluators.device.boards.names import known, read_boards

    boards = read_boards()
    if spec not in boards:
        raise RequestError(f"device {spec!r} is not known; valid is {VALID}; {known(boards)}")
    return boards[spec]


def _local(_: str) -> "Device":
    from evaluators.device.devices.local import LocalDevice

    return LocalDevice()


def _replay(rest: str) -> "Device":
    from evaluators.device.devices.replay import ReplayDevice

    if not rest:
        raise RequestError("device replay: names no file; valid is replay:FILE")
    return ReplayDevice(Path(rest))


# What stands before the colon, the colon included where one is wanted.
CHOICES: dict[str, "Callable[[str], Device]"] = {"local": _local, "replay:": _replay}


def board_of(spec: str) -> "Callable[[], AbstractAsyncContextManager[Shell]] | None":
    """Opens a connection of its own to the board, for what lies behind it; None where it is not one over ssh."""
    address = address_of(spec)
    return None if address is None else partial(_connected, address)


@asynccontextmanager
async def _connected(address: "Address") -> "AsyncGenerator[Shell]":
    from evaluators.device.ssh.shell import Shell

    shell = await Shell.open(address)
    try:
        yield shell
    finally:
        await shell.close()
