"""Whose key is trusted: asked at a real ssh server, written where ssh itself looks."""

import asyncio
import shutil
import subprocess

import asyncssh
import pytest

from evaluators.device.ssh import trust
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.shell import Shell
from evaluators.device.ssh.trust import ShownKey, Standing
from search.commands.exit_status import OK, REQUEST, RIG
from tests.evaluators.device.sshd import Board, free_port, new_key
from tests.search.user import User


@pytest.fixture
def host(board: Board) -> str:
    return f"127.0.0.1:{board.sshd.port}"


def keygen(*words: object) -> str:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    return subprocess.run(["ssh-keygen", *map(str, words)], capture_output=True, text=True, check=True).stdout


def fingerprint(board: Board) -> str:
    return keygen("-lf", board.sshd.root / "host_key").split()[1]


def note_another_key(user: User, board: Board, name: str) -> str:
    user.known_hosts.parent.mkdir(exist_ok=True)
    text = f"{name} {new_key(board.home / 'other_key')}\n"
    user.known_hosts.write_text(text)
    return text


def test_the_key_is_shown_as_ssh_keygen_shows_it(user: User, board: Board, host: str) -> None:
    assert f"ED25519 key {fingerprint(board)}" in user.types("devices", "trust", host, answer="no\n")[2]


def test_declined_writes_nothing(user: User, host: str) -> None:
    status, _, err = user.types("devices", "trust", host, answer="no\n")
    assert (status, user.known_hosts.exists()) == (REQUEST, False)
    assert "not trusted; nothing was noted" in err


def test_the_end_of_the_input_is_no_agreement(user: User, host: str) -> None:
    assert user.types("devices", "trust", host, answer="\x04")[0] == REQUEST
    assert not user.known_hosts.exists()


def test_agreed_is_what_ssh_itself_finds(user: User, board: Board, host: str) -> None:
    assert user.types("devices", "trust", host, answer="perhaps\nyes\n")[0] == OK
    listed = keygen("-F", f"[127.0.0.1]:{board.sshd.port}", "-l", "-f", user.known_hosts)
    assert fingerprint(board) in listed


def test_the_files_are_the_users_alone(user: User, host: str) -> None:
    user.types("devices", "trust", host, answer="yes\n")
    assert user.known_hosts.stat().st_mode & 0o777 == 0o600
    assert user.known_hosts.parent.stat().st_mode & 0o777 == 0o700


def test_a_trusted_board_is_logged_in_to(user: User, board: Board) -> None:
    login = board.login({"UserKnownHostsFile": user.known_hosts})
    user.knows(board)
    config = user.home / ".ssh" / "config"
    config.write_text(config.read_text().replace(str(board.sshd.root / "known_hosts"), str(user.known_hosts)))
    assert user.types("devices", "trust", "board", answer="yes\n")[0] == OK

    async def hello() -> bytes:
        shell = await Shell.open(Address("board"), login)
        try:
            return (await shell.run("echo", "hello")).stdout
        finally:
            await shell.close()

    assert asyncio.run(hello()) == b"hello\n"


def test_the_second_time_nothing_changes(user: User, board: Board, host: str) -> None:
    user.types("devices", "trust", host, "--yes", "--fingerprint", fingerprint(board))
    before = user.known_hosts.read_bytes()
    status, out, _ = user.types("devices", "trust", host)
    assert (status, user.known_hosts.read_bytes()) == (OK, before)
    assert "is known already" in out


def test_a_hashed_name_is_known(user: User, host: str) -> None:
    user.types("devices", "trust", host, answer="yes\n")
    keygen("-H", "-f", user.known_hosts)
    assert "127.0.0.1" not in user.known_hosts.read_text()
    assert "is known already" in user.types("devices", "trust", host)[1]


def test_a_line_without_an_end_is_not_written_on(user: User, board: Board, host: str) -> None:
    other = note_another_key(user, board, "elsewhere").rstrip("\n")
    user.known_hosts.write_text(other)
    user.types("devices", "trust", host, answer="yes\n")
    first, second = user.known_hosts.read_text().splitlines()
    assert first == other
    assert second.startswith(f"[127.0.0.1]:{board.sshd.port} ssh-ed25519 ")


def test_the_file_of_the_ssh_configuration_is_written(user: User, board: Board) -> None:
    user.knows(board)
    config = user.home / ".ssh" / "config"
    config.write_text(config.read_text().replace(str(board.sshd.root / "known_hosts"), "~/.ssh/of_boards"))
    user.types("devices", "trust", "board", answer="yes\n")
    assert (user.home / ".ssh" / "of_boards").read_text().startswith("board ssh-ed25519 ")
    assert not user.known_hosts.exists()


def test_another_fingerprint_is_refused(user: User, board: Board, host: str) -> None:
    wrong = "SHA256:" + "A" * 43
    status, _, err = user.types("devices", "trust", host, "--yes", "--fingerprint", wrong)
    assert (status, user.known_hosts.exists()) == (REQUEST, False)
    assert f"{fingerprint(board)} is not {wrong}" in err


@pytest.mark.parametrize("words", [["--yes"], []], ids=["--yes alone", "nobody to ask"])
def test_nobody_agrees_by_default(user: User, host: str, words: list[str]) -> None:
    status, _, err = user.types("devices", "trust", host, *words)
    assert (status, user.known_hosts.exists()) == (REQUEST, False)
    assert "--fingerprint" in err


def test_a_key_that_has_changed_is_refused_with_the_way_to_remove_it(user: User, board: Board, host: str) -> None:
    before = note_another_key(user, board, f"[127.0.0.1]:{board.sshd.port}")
    words = ("devices", "trust", host, "--yes", "--fingerprint", fingerprint(board))
    status, _, err = user.types(*words)
    assert (status, user.known_hosts.read_text()) == (REQUEST, before)
    command = err.strip().rpartition(": ")[2]
    assert command.startswith("ssh-keygen ")
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    assert user.types(*words)[0] == OK


def test_a_key_that_has_changed_its_kind_is_refused(user: User, board: Board, host: str) -> None:
    keygen("-q", "-t", "ecdsa", "-N", "", "-f", board.home / "ecdsa")
    user.known_hosts.parent.mkdir()
    user.known_hosts.write_text(f"[127.0.0.1]:{board.sshd.port} {(board.home / 'ecdsa.pub').read_text()}")
    status, _, err = user.types("devices", "trust", host, answer="yes\n")
    assert (status, "is not the one in" in err) == (REQUEST, True), err


def test_of_several_keys_the_known_one_is_looked_at(user: User) -> None:
    keys = [asyncssh.generate_private_key(name) for name in ("ssh-ed25519", "ecdsa-sha2-nistp256")]

    async def look() -> ShownKey:
        async with asyncssh.listen("127.0.0.1", 0, server_host_keys=keys) as server:
            port = server.get_port()
            user.known_hosts.parent.mkdir()
            user.known_hosts.write_text(f"[127.0.0.1]:{port} {keys[1].export_public_key().decode()}")
            return await trust.look(Address("127.0.0.1", port=port))

    shown = asyncio.run(look())
    assert (shown.standing, shown.kind) == (Standing.KNOWN, "ECDSA")


def test_the_key_of_another_port_is_no_hindrance(user: User, board: Board, host: str) -> None:
    note_another_key(user, board, "127.0.0.1")
    assert user.types("devices", "trust", host, answer="yes\n")[0] == OK


def test_a_revoked_key_is_refused(user: User, board: Board, host: str) -> None:
    user.types("devices", "trust", host, answer="yes\n")
    user.known_hosts.write_text("@revoked " + user.known_hosts.read_text())
    status, _, err = user.types("devices", "trust", host, answer="yes\n")
    assert status == REQUEST
    assert "revoked" in err


def test_a_board_that_does_not_answer_is_no_request_of_the_user(user: User) -> None:
    status, _, err = user.types("devices", "trust", f"127.0.0.1:{free_port()}", answer="yes\n")
    assert status == RIG
    assert "connection refused" in err
