"""An ssh server on the loopback that plays a board: real processes, a home of its own, keys nobody else uses."""

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from evaluators.device.device import Guard
from evaluators.device.devices.board_folder import FOLDER
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.options import Login
from tests.evaluators.device import short
from tests.evaluators.device.processes import children_of

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
NAME = "board"
START_S = 60.0


@dataclass(frozen=True)
class Sshd:
    """Runs whatever it is asked to in the home that `home` names."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]

    def sessions(self) -> list[int]:
        """The server's processes, one per connection."""
        return children_of(self.process.pid)


@dataclass(frozen=True)
class Board:
    sshd: Sshd
    home: Path

    @property
    def address(self) -> Address:
        return Address(NAME)

    @property
    def folder(self) -> Path:
        return self.home / FOLDER

    @property
    def files(self) -> list[Path]:
        return sorted((self.folder / "files").iterdir())

    def config(self, name: str = "config", **changes: str | Path | int) -> Path:
        """An ssh configuration that leads here, with single settings changed."""
        settings: dict[str, str | Path | int] = {
            "HostName": "127.0.0.1",
            "Port": self.sshd.port,
            "User": getpass.getuser(),
            "HostKeyAlias": NAME,
            "IdentityFile": self.sshd.root / "user_key",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.sshd.root / "known_hosts",
            **changes,
        }
        path = self.home / name
        path.write_text("\n".join([f"Host {NAME}", *(f"  {key} {value}" for key, value in settings.items()), ""]))
        return path

    def login(self, config: dict[str, Any] | None = None, **changes: Any) -> Login:
        return Login(**{"config": self.config(**(config or {})), "connect_s": 30.0, **changes})

    def device(self, login: Login | None = None, **changes: Any) -> SshDevice:
        """The board as a device, which waits for nobody who tests on this machine, too. The program is the short one,
        unless changed."""
        guard = Guard(lock=str(self.home / "lock"), heartbeat_s=20.0)
        options = {"login": login or self.login(), "guard": guard, "program": short.program()}
        return SshDevice(self.address, **{**options, **changes})

    def put_program(self, name: str, body: str) -> None:
        """Puts a program first on the board's PATH."""
        _script(self.home / "bin" / name, body)

    def pretend(self, model: str) -> Path:
        """A root of the file system that says so."""
        tree = self.home / "root" / "proc" / "device-tree"
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "model").write_bytes(model.encode() + b"\0")
        return self.home / "root"

    def processes(self) -> list[int]:
        """Everything that runs with this home."""
        mark, pids = f"HOME={self.home}".encode(), []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in environment.read_bytes().split(b"\0"):
                    pids.append(int(environment.parent.name))
        return pids

    def program(self) -> int:
        """The process of the on-device program."""

        def words(pid: int) -> list[bytes]:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")

        (process,) = [pid for pid in self.processes() if b"/program/" in words(pid)[1]]
        return process

    def is_empty_within(self, limit_s: float) -> bool:
        end = time.monotonic() + limit_s
        while self.processes():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


def make_board(sshd: Sshd, home: Path, *, prepared: bool = True, sysroot: str = "") -> Board:
    """From now on the server's home is this one. Not prepared: Python only as `python3`.

    What is run on a board knows no variable of who logs in: its Python names the folder that stands in for /.
    """
    (home / "bin").mkdir(parents=True)
    (sshd.root / "home").write_text(str(home))
    board = Board(sshd, home)
    root = f"SEARCH_SYSROOT={shlex.quote(sysroot)} " if sysroot else ""
    python = f'{root}exec {shlex.quote(sys.executable)} "$@"'
    if prepared:
        venv = board.folder / "venv" / "bin"
        venv.mkdir(parents=True)
        _script(venv / "python", python)
    else:
        board.put_program("python3", python)
    return board


@contextlib.contextmanager
def running(root: Path) -> Iterator[Sshd]:
    """A server: OpenSSH's where it is installed, else asyncssh's own."""
    _write_keys(root)
    _script(
        root / "login",
        f'HOME=$(cat {shlex.quote(str(root / "home"))}); PATH="$HOME/bin:$PATH"; export HOME PATH\n'
        '[ ! -f "$HOME/profile" ] || . "$HOME/profile"\n'
        # It serves as a board's login shell, and hands its process over to the command.
        'exec bash -c "$SSH_ORIGINAL_COMMAND"',
    )
    port = free_port()
    command = _openssh(root, port) if SSHD else _asyncssh(root, port)
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            cwd=Path(__file__).parents[3],
            stdin=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    sshd = Sshd(root, port, process)
    try:
        _wait_for(sshd)
        yield sshd
    finally:
        for pid in [*sshd.sessions(), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def new_key(path: Path) -> str:
    """Writes a new key; its public half."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(path)
    path.chmod(0o600)
    return key.export_public_key().decode().strip()


def _write_keys(root: Path) -> None:
    (root / "known_hosts").write_text(f"{NAME} {new_key(root / 'host_key')}\n")
    (root / "authorized_keys").write_text(new_key(root / "user_key") + "\n")


def _openssh(root: Path, port: int) -> list[str]:
    if os.geteuid() == 0:
        # The folder is made by the server's service otherwise.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    lines = [
        f"ListenAddress 127.0.0.1:{port}",
        f"HostKey {root / 'host_key'}",
        f"AuthorizedKeysFile {root / 'authorized_keys'}",
        f"PidFile {root / 'pid'}",
        f"ForceCommand {root / 'login'}",
        # A home where nothing is sourced: not the shell configuration of who runs the tests.
        f"SetEnv HOME={root}",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "MaxStartups 100",
        "LogLevel VERBOSE",
    ]
    config = root / "sshd_config"
    # Newer ones shut out who fails too often, as these tests do.
    config.write_text("\n".join([*lines, "PerSourcePenalties no", ""]))
    if subprocess.run([str(SSHD), "-t", "-f", config], capture_output=True).returncode != 0:
        config.write_text("\n".join([*lines, ""]))
    return [str(SSHD), "-D", "-e", "-f", str(config)]


def _asyncssh(root: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "tests.evaluators.device.asyncssh_server", str(root), str(port)]


def _wait_for(sshd: Sshd) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and sshd.process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", sshd.port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"no ssh server: {(sshd.root / 'log').read_text()}")


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
