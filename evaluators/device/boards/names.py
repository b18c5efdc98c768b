"""Boards: names for addresses, in the user's configuration folder; a project that is shared holds nobody's network."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from evaluators.device.ssh.address import Address
from space.errors import RequestError
from space.files import written_whole

# What --device takes for something else.
RESERVED = ("local", "replay", "ssh")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def boards_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The specification of XDG_CONFIG_HOME has relative folders ignored.
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"
    return folder / "ondevice-search" / "boards.toml"


def read_boards() -> dict[str, Address]:
    """The boards, read strictly: a slip of the pen is not a board that is silently missing."""
    file = boards_file()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} is not a TOML file: {error}") from error
    boards = {}
    for name, fields in content.items():
        if not isinstance(fields, dict):
            raise RequestError(f"{file}: {name} is not a key; a board is [NAME] with an address below it")
        for key in fields:
            if key != "address":
                raise RequestError(f"{file}: {key} of [{name}] is not a key; known is address")
        if not isinstance(fields.get("address"), str):
            raise RequestError(f'{file}: [{name}] has no address = "user@host"')
        try:
            boards[_checked(name)] = Address.parse(fields["address"])
        except RequestError as error:
            raise RequestError(f"{file}: [{name}]: {error}") from error
    return boards


def add_board(name: str, address: Address) -> None:
    boards = read_boards()
    _checked(name)
    if name in boards and boards[name] != address:
        raise RequestError(f"board {name} is {boards[name]} already; python -m search devices remove {name} first")
    _write({**boards, name: address})


def remove_board(name: str) -> None:
    boards = read_boards()
    if name not in boards:
        raise RequestError(f"no board is named {name!r}; {known(boards)}")
    _write({other: address for other, address in boards.items() if other != name})


def board_address(text: str) -> Address:
    """A board's name, or an address as it is."""
    return read_boards().get(text) or Address.parse(text.removeprefix("ssh:"))


def known(boards: Mapping[str, Address]) -> str:
    if not boards:
        return "no board has a name yet (python -m search devices add NAME user@host)"
    return f"boards with a name: {', '.join(sorted(boards))}"


def _checked(name: str) -> str:
    if name in RESERVED:
        raise RequestError(f"board name {name!r} is reserved; {', '.join(RESERVED)} mean something else to --device")
    if not _NAME.fullmatch(name):
        raise RequestError(f"board name {name!r} is not letters, digits, dots, dashes and underscores")
    return name


def _write(boards: Mapping[str, Address]) -> None:
    file = boards_file()
    text = "".join(f"[{json.dumps(name)}]\naddress = {json.dumps(str(boards[name]))}\n" for name in sorted(boards))
    try:
        with written_whole(file) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{file} cannot be written: {error.strerror}") from error
