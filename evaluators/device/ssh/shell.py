"""Shell: commands and conversations on a board, over one ssh connection that is kept alive; faults in our words.

Keys or agent only, and the host key is always verified: against the user's known_hosts, or what ~/.ssh/config names.
"""

import asyncio
import errno
import hashlib
import re
import shlex
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import asyncssh

from evaluators.device.on_board.last_words import last_line, tail
from evaluators.device.on_board.protocol import LINE_BYTES, printable
from evaluators.device.ssh.address import Address
from evaluators.errors import DeviceError
from space.errors import RequestError

# A command of ours says a few lines.
OUTPUT_BYTES = 2**20
COMMAND_S = 30.0
# Slower than this is no network to measure over: 13 MB take 13 s.
UPLOAD_BYTES_PER_S = 1e6
# Between the end of its input and a program's exit; then it is killed, which takes at most KILL_S.
EXIT_S = 1.0
KILL_S = 5.0
LAST_WORDS_S = 0.2
PART_BYTES = 2**16

# Login scripts may talk first, and what is to be killed needs a number.
MARK = "ondevice-search:"
_ANNOUNCE = f'echo "{MARK} $$"; exec "$@"'
# To the process group where the program leads one.
_KILL = 'kill -KILL "-$1" 2>/dev/null || kill -KILL "$1"'
# Beside and renamed last, so that a name always stands for the whole content.
_RECEIVE = """
LC_ALL=C; export LC_ALL; umask 077; part="$1.part$$"
fail() { rm -f "$part"; df -Pk "${1%/*}" | awk 'NR == 2 { print "free_kb=" $4 }'; exit 1; }
cat >"$part" || fail "$1"
[ "$(sha256sum <"$part")" = "$2  -" ] || { came=$(wc -c <"$part"); rm -f "$part"; echo "wrong=$came"; fail "$1"; }
mv -f "$part" "$1" || fail "$1"
"""
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How the connection is made. `config` stands in for ~/.ssh/config."""

    config: Path | None = None
    connect_s: float = 15.0
    # A connection without an answer to this many of these is lost.
    keepalive_s: float = 5.0
    keepalives: int = 3


@dataclass(frozen=True, slots=True)
class Finished:
    """Of a command; a negative status is a signal."""

    status: int
    stdout: bytes
    stderr: bytes


class Conversation:
    """A program on the board, while it runs: bytes to its input, lines and bytes from its output."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]", words: "Callable[[], Any]") -> None:
        self._process = process
        self._words = words
        self._buffer = bytearray()
        self.pid = 0
        self._complaints = asyncio.create_task(_said(process.stderr))

    @property
    def status(self) -> int | None:
        """None while it runs, and when its end was lost with the connection."""
        status = self._process.returncode
        # How a shell tells of a program that a signal ended.
        return 128 - status if status is not None and 128 < status < 192 else status

    async def write(self, content: bytes) -> None:
        """A program that stops reading says why in its exit status."""
        with self._words(), suppress(BrokenPipeError):
            for start in range(0, len(content), PART_BYTES):
                self._process.stdin.write(content[start : start + PART_BYTES])
                # A drain alone does not wait before the window is full: a loss would not be noticed until then.
                await asyncio.sleep(0)
                await self._process.stdin.drain()

    def end_input(self) -> None:
        with suppress(OSError):
            self._process.stdin.write_eof()

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        if self._buffer:
            content = bytes(self._buffer)
            self._buffer.clear()
            return content
        with self._words():
            return await self._process.stdout.read(65536)

    async def readline(self) -> bytes:
        """A line; without its end if the output ended first. ValueError if it is longer than LINE_BYTES."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LINE_BYTES:
                raise ValueError(f"more than {LINE_BYTES} bytes without a line's end")
            with self._words():
                part = await self._process.stdout.read(65536)
            if not part:
                return await self.read() if self._buffer else b""
            self._buffer += part
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    async def closed(self) -> None:
        """Until it has ended, or the connection has."""
        with self._words():
            await self._process.wait_closed()

    async def last_words(self) -> bytes:
        """The last of what it said to its standard error, once it is closed; nothing from one that goes on."""
        await asyncio.wait([self._complaints], timeout=LAST_WORDS_S)
        return self._complaints.result() if self._complaints.done() else b""

    def drop(self) -> None:
        self._process.channel.abort()
        self._complaints.cancel()


class Tunnel:
    """A TCP connection that the board makes for us: bytes from whom it leads to."""

    def __init__(self, reader: "asyncssh.SSHReader[bytes]", words: "Callable[[], Any]") -> None:
        self._reader = reader
        self._words = words

    async def read(self) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""
        with self._words():
            return await self._reader.read(4096)


class Shell:
    """One connection. Everything it cannot do is a DeviceError; `lost` tells whether a new one is needed."""

    def __init__(self, address: Address, connection: asyncssh.SSHClientConnection) -> None:
        self._address = address
        self._connection = connection

    @classmethod
    async def open(cls, address: Address, login: Login | None = None) -> Self:
        login = login or Login()
        options = await _options(address, login)
        known_hosts = _KnownHosts(_known_hosts_files(options, address))
        with _our_words(address, options.username, known_hosts):
            return cls(address, await asyncssh.connect(**_arguments(address, login), known_hosts=known_hosts.match))

    @property
    def lost(self) -> bool:
        return self._connection.is_closed()

    async def close(self) -> None:
        self._connection.close()
        try:
            async with asyncio.timeout(KILL_S):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()

    async def run(self, *command: str, input: bytes = b"", limit_s: float = COMMAND_S) -> Finished:
        """A command to its end."""
        try:
            async with asyncio.timeout(limit_s), self.start(*command) as program:
                await program.write(input)
                program.end_input()
                output = bytearray()
                while part := await program.read():
                    output += part
                    if len(output) > OUTPUT_BYTES:
                        raise DeviceError(f"{self._address}: {command[0]} said more than {OUTPUT_BYTES} bytes")
                await program.closed()
                return Finished(self._status(program), bytes(output), await program.last_words())
        except TimeoutError:
            raise DeviceError(
                f"{self._address}: {command[0]} had not ended after {limit_s:g} s; is the board overloaded?"
            ) from None

    @asynccontextmanager
    async def start(self, *command: str) -> AsyncGenerator[Conversation]:
        """A program to talk to; it has ended when the block is left, however it is left."""
        program = Conversation(await self._process("sh", "-c", _ANNOUNCE, "sh", *command), self._words)
        try:
            await self._begin(program)
            yield program
        finally:
            await self._finish(program)

    @asynccontextmanager
    async def open_connection(self, host: str, port: int) -> AsyncGenerator[Tunnel]:
        """From the board to a host that it can reach, through this connection; closed when the block is left."""
        with self._words():
            try:
                async with asyncio.timeout(COMMAND_S):
                    reader, writer = await self._connection.open_connection(host, port, encoding=None)
            except asyncssh.ChannelOpenError as error:
                raise DeviceError(f"{self._address}: {_tunnel_fault(error, host, port)}") from error
            except TimeoutError:
                raise DeviceError(f"{self._address}: it gets no answer from {host}:{port}") from None
        try:
            yield Tunnel(reader, self._words)
        finally:
            writer.channel.abort()

    async def upload(self, local: Path, remote: str, sha256: str = "") -> None:
        """Written beside and renamed once it has arrived whole: as `sha256` says, where it is known already."""
        try:
            content = await asyncio.to_thread(local.read_bytes)
        except OSError as error:
            raise DeviceError(f"{local} cannot be read: {error.strerror}") from error
        size, sha256 = len(content), sha256 or hashlib.sha256(content).hexdigest()
        limit_s = COMMAND_S + size / UPLOAD_BYTES_PER_S
        done = await self.run("sh", "-c", _RECEIVE, "sh", remote, sha256, input=content, limit_s=limit_s)
        if done.status == 0:
            return
        said = dict(line.split("=", 1) for line in done.stdout.decode("utf-8", "replace").splitlines() if "=" in line)
        if any(words in done.stderr.decode("utf-8", "replace") for words in _FULL):
            free = f"{int(said['free_kb']) / 1e3:.1f} MB free" if said.get("free_kb", "").isdigit() else "disk full"
            raise DeviceError(
                f"{self._address}: disk full: {local.name} takes {size / 1e6:.1f} MB, {free} at {remote}; make room"
            )
        if "wrong" in said:
            digest = hashlib.sha256(content).hexdigest()
            fault = "changed here meanwhile" if digest != sha256 else "did not arrive as it was sent"
            raise DeviceError(f"{self._address}: {local.name} {fault} ({printable(said['wrong'])} of {size} bytes)")
        raise DeviceError(f"{self._address}: {local.name} could not be written to {remote}: {last_line(done.stderr)}")

    async def _process(self, *command: str) -> "asyncssh.SSHClientProcess[bytes]":
        with self._words():
            try:
                return await self._connection.create_process(shlex.join(command), encoding=None)
            except asyncio.CancelledError:
                # It may have started, and nobody knows its number.
                self._connection.abort()
                raise

    async def _begin(self, program: Conversation) -> None:
        """Until the command announces itself, past whatever the board's login scripts say."""
        said = b""
        try:
            async with asyncio.timeout(COMMAND_S):
                while (line := await program.readline()).endswith(b"\n") and len(said) < OUTPUT_BYTES:
                    announced = re.fullmatch(rf"{MARK} ([0-9]{{1,10}})\r?\n", line.decode("utf-8", "replace"))
                    if announced:
                        program.pid = int(announced[1])
                        return
                    said += line
                if len(said) < OUTPUT_BYTES:
                    await program.closed()
        except TimeoutError:
            raise DeviceError(f"{self._address}: no command starts within {COMMAND_S:g} s; is it overloaded?") from None
        except ValueError as error:
            raise DeviceError(f"{self._address}: its login scripts say {error}") from error
        self._status(program)
        said += line + await program.last_words()
        raise DeviceError(f"{self._address}: it runs no commands for this user ({last_line(said)})")

    async def _finish(self, program: Conversation) -> None:
        """What ends by itself is given time to; the rest is killed. A lost connection has closed its input already."""
        program.end_input()
        with suppress(DeviceError, TimeoutError):
            if not await _ends(program, EXIT_S) and program.pid > 1:
                async with asyncio.timeout(KILL_S):
                    killer = await self._process("sh", "-c", _KILL, "sh", str(program.pid))
                    await killer.wait_closed()
                await _ends(program, EXIT_S)
        program.drop()

    def _status(self, program: Conversation) -> int:
        if program.status is None:
            raise DeviceError(f"{self._address}: connection lost")
        return program.status

    @contextmanager
    def _words(self) -> Iterator[None]:
        with _our_words(self._address):
            yield


async def _said(stream: "asyncssh.SSHReader[bytes]") -> bytes:
    with suppress(asyncssh.Error, OSError):
        return await tail(stream)
    return b""


async def _ends(program: Conversation, limit_s: float) -> bool:
    try:
        async with asyncio.timeout(limit_s):
            await program.closed()
    except TimeoutError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class HostEntry:
    """Where a host's key is looked up, the user's ssh configuration read."""

    # As known_hosts writes it: host, [host]:port, or the configuration's HostKeyAlias.
    name: str
    # Stands for every port that has no entry of its own.
    portless: str
    # Read in this order; keys are added to the first.
    files: tuple[Path, ...]


async def host_entry(address: Address, login: Login) -> HostEntry:
    options = await _options(address, login)
    files = tuple(_named_known_hosts(options, address))
    host = options.host_key_alias or options.host
    # As ssh does it, an alias stands for one machine at one port.
    plain = options.host_key_alias is not None or options.port == asyncssh.DEFAULT_PORT
    return HostEntry(host if plain else f"[{host}]:{options.port}", host, files)


async def host_key(address: Address, login: Login, algorithms: tuple[str, ...] = ()) -> asyncssh.SSHKey:
    """What the host shows, of one of the algorithms where some are named. Nothing is checked."""
    options = await _options(address, login)
    with _our_words(address):
        key = await asyncssh.get_server_host_key(
            address.host,
            address.port or (),
            config=[str(login.config)] if login.config else (),
            server_host_key_algs=list(algorithms) or (),
            options=options,
        )
    if key is None:
        raise DeviceError(f"{address}: the ssh server shows no host key")
    return key


class _KnownHosts:
    """The keys of known hosts; remembers whether any was of the host that was asked for."""

    def __init__(self, files: list[Path]) -> None:
        try:
            self._keys = asyncssh.read_known_hosts([str(file) for file in files])
        except (ValueError, OSError) as error:
            raise RequestError(f"your known hosts ({', '.join(map(str, files))}) cannot be read: {error}") from error
        self.known = False

    def match(self, host: str, address: str, port: int | None) -> Any:
        found = self._keys.match(host, address, port)
        self.known = any(found)
        return found


def _arguments(address: Address, login: Login) -> dict[str, Any]:
    """What asyncssh calls nothing (an empty tuple) is for ~/.ssh/config to say."""
    return {
        "host": address.host,
        "port": address.port or (),
        "username": address.user or (),
        "config": [str(login.config)] if login.config else (),
        "connect_timeout": login.connect_s,
        "login_timeout": login.connect_s,
        "keepalive_interval": login.keepalive_s,
        "keepalive_count_max": login.keepalives,
        "public_key_auth": True,
        "password_auth": False,
        "kbdint_auth": False,
        "host_based_auth": False,
        "gss_auth": False,
        "gss_kex": False,
        # The board gets nothing of ours, whatever the config says for other uses.
        "agent_forwarding": False,
        "x11_forwarding": False,
        "request_pty": False,
    }


async def _options(address: Address, login: Login) -> asyncssh.SSHClientConnectionOptions:
    """With the config read: who the user is, and which files hold the known hosts."""
    try:
        options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
            **_arguments(address, login)
        )
        return options
    except (ValueError, OSError) as error:
        raise RequestError(f"{address}: your ssh configuration cannot be used: {printable(error)}") from error


def _named_known_hosts(options: asyncssh.SSHClientConnectionOptions, address: Address) -> list[Path]:
    if options.known_hosts is None:
        raise RequestError(
            f"{address}: your ssh configuration turns the check of host keys off (UserKnownHostsFile none); name a file"
        )
    named = options.known_hosts if isinstance(options.known_hosts, list) else []
    return [Path(str(name)).expanduser() for name in named or ["~/.ssh/known_hosts"]]


def _known_hosts_files(options: asyncssh.SSHClientConnectionOptions, address: Address) -> list[Path]:
    """A file that is not there holds no keys, as for ssh itself."""
    return [file for file in _named_known_hosts(options, address) if file.is_file()]


@contextmanager
def _our_words(address: Address, user: str = "", known_hosts: _KnownHosts | None = None) -> Iterator[None]:
    """The one place where asyncssh's failures become ours."""
    try:
        yield
    except (asyncssh.Error, OSError) as error:
        known = known_hosts is not None and known_hosts.known
        raise DeviceError(f"{address}: {_fault(error, address, user, known)}") from error


def _fault(error: asyncssh.Error | OSError, address: Address, user: str, known: bool) -> str:
    said = printable(error)
    if isinstance(error, asyncssh.HostKeyNotVerifiable) and "revoked" in said:
        return "its host key is marked as revoked in your known hosts; do not use this board before you know why"
    if isinstance(error, asyncssh.HostKeyNotVerifiable) and not known:
        return f"its host key is unknown; look at it and trust it: python -m search devices trust {address}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or (isinstance(error, asyncssh.KeyExchangeFailed) and known):
        return (
            "ITS HOST KEY HAS CHANGED: either the board was set up anew, or another machine answers in its place. "
            "Compare the key at the board itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); "
            "only if you know the reason, remove the old one (ssh-keygen -R) and trust the new one"
        )
    if isinstance(error, asyncssh.PermissionDenied) or "Too many authentication failures" in said:
        return f"no key was accepted for user {user}; keys or an agent are the only way in: {_copy_id(address, user)}"
    if isinstance(error, (asyncssh.ConnectionLost, asyncssh.ChannelOpenError, ConnectionResetError, BrokenPipeError)):
        return f"connection lost ({said or type(error).__name__})"
    if isinstance(error, asyncssh.Error):
        return f"no conversation over ssh: {said}"
    return _network_fault(error, said)


def _tunnel_fault(error: asyncssh.ChannelOpenError, host: str, port: int) -> str:
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return f"its ssh server makes no connection to {host}:{port} for us; it needs AllowTcpForwarding yes (or local)"
    if error.code == asyncssh.OPEN_CONNECT_FAILED:
        return f"it cannot reach {host}:{port} ({printable(error)}); is the board in that network?"
    return f"connection lost ({printable(error)})"


def _network_fault(error: OSError, said: str) -> str:
    # Several addresses of one name fail in one error, which has no number of its own.
    numbers = {error.errno, *(int(number) for number in re.findall(r"\[Errno (\d+)\]", said))}
    if isinstance(error, socket.gaierror):
        return "no machine of this name is known here; check the name, or use the board's IP address"
    if errno.ECONNREFUSED in numbers:
        return "connection refused: the machine is there, but no ssh server at this port; is ssh enabled on the board?"
    if isinstance(error, TimeoutError):
        return "no answer in time; is the board switched on, and not frozen?"
    if numbers & {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}:
        return "unreachable; is the board switched on, and in this network?"
    return f"connection failed: {said}"


def _copy_id(address: Address, user: str) -> str:
    port = f"-p {address.port} " if address.port else ""
    return f"ssh-copy-id {port}{user}@{address.host}"
