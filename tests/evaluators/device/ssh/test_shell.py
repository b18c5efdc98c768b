"""Commands and conversations over a real ssh connection."""

import asyncio
import errno
import sys
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import asyncssh
import pytest

from evaluators.device.ssh.address import Address
from evaluators.device.ssh.faults import our_words
from evaluators.device.ssh.shell import Finished, Shell
from evaluators.errors import DeviceError
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import Board

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

T = TypeVar("T")


def with_shell(board: Board, use: Callable[[Shell], Awaitable[T]]) -> T:
    async def connected() -> T:
        shell = await Shell.open(board.address, board.login())
        try:
            return await use(shell)
        finally:
            await shell.close()

    return asyncio.run(connected())


def run(board: Board, *command: str, input: bytes = b"") -> Finished:
    return with_shell(board, lambda shell: shell.run(*command, input=input))


@pytest.mark.parametrize(
    "word", ["two words", "$HOME", "`reboot`", "'", '"', "; exit 3", "*", "", "a\nb", "ä", "--", "\\"]
)
def test_arguments_arrive_as_they_are(board: Board, word: str) -> None:
    assert run(board, "printf", "%s", word).stdout == word.encode()


def test_a_command_gets_its_input_to_the_end(board: Board) -> None:
    content = bytes(range(256)) * 20_000
    assert run(board, "sha256sum", input=content).stdout.split()[0] == sha256(content).hexdigest().encode()


def test_status_and_both_outputs_are_known(board: Board) -> None:
    assert run(board, "sh", "-c", "echo out; echo err >&2; exit 7") == Finished(7, b"out\n", b"err\n")


@pytest.mark.parametrize("words", ["kill -TERM $$", "(kill -TERM $(exec sh -c 'echo $PPID')); exit $?"])
def test_a_signal_is_a_negative_status_also_where_a_shell_stands_in_between(board: Board, words: str) -> None:
    assert run(board, "sh", "-c", words).status == -15


def test_what_login_scripts_say_is_no_part_of_the_output(board: Board) -> None:
    (board.home / "profile").write_text("echo Welcome to this board\necho 'ondevice-search: no number'\n")
    assert run(board, "echo", "done").stdout == b"done\n"


def test_output_without_an_end_is_a_fault(board: Board) -> None:
    with pytest.raises(DeviceError, match="said more than"):
        run(board, "cat", "/dev/zero")
    assert board.is_empty_within(GONE_S)


def test_a_command_that_does_not_end_is_ended(board: Board) -> None:
    with pytest.raises(DeviceError, match=r"sleep had not ended after 0\.2 s"):
        with_shell(board, lambda shell: shell.run("sleep", "60", limit_s=0.2))
    assert board.is_empty_within(GONE_S)


def test_what_ignores_the_end_of_its_input_is_killed_with_its_children(board: Board) -> None:
    async def leave(shell: Shell) -> float:
        async with shell.start("sh", "-c", "trap '' HUP TERM; sleep 60 & echo; wait; sleep 60") as program:
            assert await program.readline() == b"\n"
            began = time.monotonic()
        return time.monotonic() - began

    assert with_shell(board, leave) < GONE_S
    assert board.is_empty_within(GONE_S)


def test_a_conversation_goes_to_and_fro(board: Board) -> None:
    async def talk(shell: Shell) -> list[bytes]:
        lines = []
        async with shell.start("cat") as program:
            for line in (b"one\n", b"two\n"):
                await program.write(line)
                lines.append(await program.readline())
        return lines

    assert with_shell(board, talk) == [b"one\n", b"two\n"]


def test_a_line_longer_than_a_window_arrives_whole(board: Board) -> None:
    async def talk(shell: Shell) -> list[int]:
        async with shell.start("sh", "-c", "head -c 9000000 /dev/zero; echo; echo more; printf end") as program:
            return [len(await program.readline()) for _ in range(4)]

    assert with_shell(board, talk) == [9_000_001, 5, 3, 0]


def test_a_file_is_whole_or_not_there(board: Board, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    with pytest.raises(DeviceError, match="file changed here meanwhile"):
        with_shell(board, lambda shell: shell.upload(file, f"{board.home}/there", sha256(b"other").hexdigest()))
    assert not list(board.home.glob("there*"))
    with_shell(board, lambda shell: shell.upload(file, f"{board.home}/there"))
    assert [path.read_bytes() for path in board.home.glob("there*")] == [b"content"]


def test_a_file_is_nobody_elses_to_read(board: Board, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with_shell(board, lambda shell: shell.upload(tmp_path / "file", f"{board.home}/there"))
    assert (board.home / "there").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_told(board: Board, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        DeviceError, match=r"file could not be written to /nowhere/there: .*(?:[Nn]onexistent|No such file)"
    ):
        with_shell(board, lambda shell: shell.upload(tmp_path / "file", "/nowhere/there"))


def test_the_board_gets_neither_a_terminal_nor_our_agent(board: Board) -> None:
    login = board.login({"ForwardAgent": "yes", "RequestTTY": "force", "IdentityAgent": board.home / "agent"})

    async def look() -> Finished:
        shell = await Shell.open(board.address, login)
        try:
            return await shell.run("sh", "-c", "tty; echo agent=$SSH_AUTH_SOCK")
        finally:
            await shell.close()

    assert asyncio.run(look()).stdout == b"not a tty\nagent=\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), "unreachable; is the board switched on"),
        (
            OSError("Multiple exceptions: [Errno 101] Connect call failed, [Errno 113] Connect call failed"),
            "unreachable",
        ),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "connection lost"),
        (asyncssh.ProtocolError("Too many authentication failures"), "ssh-copy-id -p 22 pi@board"),
        (asyncssh.KeyExchangeFailed("No matching key exchange algorithm found"), "no conversation over ssh"),
    ],
)
def test_what_no_loopback_does_is_told_as_well(error: OSError | asyncssh.Error, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason), our_words(Address("board", None, 22), "pi"):
        raise error
