"""`devices`: trust a board's host key, prepare it, give it a name; look at a power meter."""

import argparse
import asyncio
import sys
from collections.abc import Callable

from evaluators.device.boards import names as boards
from evaluators.device.ssh.address import Address
from search.commands.exit_status import OK
from search.results.terminal import plain
from space.errors import RequestError


def main(options: argparse.Namespace) -> int:
    return _ACTIONS[options.action](options) or OK


def _trust(options: argparse.Namespace) -> None:
    from evaluators.device.ssh import trust

    if options.yes and options.fingerprint is None:
        raise RequestError("--yes only together with --fingerprint SHA256:..., read at the board itself")
    key = asyncio.run(trust.look(boards.board_address(options.host)))
    shown = f"{key.address}: {key.kind} key {key.fingerprint}"
    if options.fingerprint is not None and options.fingerprint.removesuffix("=") != key.fingerprint:
        raise RequestError(f"{shown} is not {options.fingerprint}; nothing was noted, do not use this board")
    if key.standing is trust.Standing.REVOKED:
        raise RequestError(f"{shown} is marked as revoked in your known hosts; nothing was noted")
    if key.standing is trust.Standing.CHANGED:
        raise RequestError(f"{shown} is not the one in {key.file}: {key.remedy}")
    if key.standing is trust.Standing.KNOWN:
        print(f"{shown} is known already")
        return
    if not options.yes and not _agreed(shown):
        raise RequestError(f"{key.address}: not trusted; nothing was noted")
    trust.note(key)
    print(f"{shown} is noted in {key.file}")


def _agreed(shown: str) -> bool:
    if not sys.stdin.isatty():
        raise RequestError(
            f"{shown}: nobody to ask; compare it at the board, then --yes --fingerprint with what you read there"
        )
    print(shown, file=sys.stderr)
    print("The board itself says: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", file=sys.stderr)
    while True:
        print("Is it the same, and to be trusted from now on? (yes/no) ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer or answer.strip().lower() in ("yes", "no"):
            return answer.strip().lower() == "yes"


def _prepare(options: argparse.Namespace) -> None:
    from evaluators.device.upkeep.prepare import prepare

    address = boards.board_address(options.host)
    board = asyncio.run(prepare(address, course=options.course, say=_say))
    print(plain(f"{address}: {'prepared' if board.made else 'is ready'}: {board}"))


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


def _add(options: argparse.Namespace) -> None:
    address = Address.parse(options.address.removeprefix("ssh:"))
    boards.add_board(options.name, address)
    print(f"{options.name}: {address}, for --device {options.name}")


def _list(options: argparse.Namespace) -> None:
    named = boards.read_boards()
    for name in sorted(named):
        print(f"{name}  {named[name]}")
    if not named:
        print(boards.known(named))


def _remove(options: argparse.Namespace) -> None:
    boards.remove_board(options.name)
    print(f"{options.name}: forgotten")


def _meter(options: argparse.Namespace) -> int:
    from search.commands import meter

    return meter.main(options)


_ACTIONS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "trust": _trust,
    "prepare": _prepare,
    "add": _add,
    "list": _list,
    "remove": _remove,
    "meter": _meter,
}
