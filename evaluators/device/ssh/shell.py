"""Shell: commands and conversations on a board, over one ssh connection that is kept alive; faults in our words.

Keys or agent only, and the host key is always verified: against the user's known_hosts, or what ~/.ssh/config names.
"""

import asyncio
import hashlib
import re
import shlex
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import asyncssh

from evaluators.device.on_board.fields import printable
from evaluators.device.on_board.last_words import last_line
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.conversation import Conversation, Tunnel, ends_within
from evaluators.device.ssh.faults import our_words, tunnel_fault
from evaluators.device.ssh.host_keys import KnownHosts, known_hosts_files
from evaluators.device.ssh.options import Login, connection_arguments, connection_options
from evaluators.errors import DeviceError

# A command of ours says a few lines.
OUTPUT_BYTES = 2**20
COMMAND_S = 30.0
# Slower than this is no network to measure over: 13 MB take 13 s.
UPLOAD_BYTES_PER_S = 1e6
# Seconds between the end of a program's input and its exit; then it is killed, which takes at most KILL_S.
EXIT_S = 1.0
KILL_S = 5.0
# Login scripts may talk first, and what is to be killed needs a number.
MARK = "ondevice-search:"
_ANNOUNCE = f'echo "{MARK} $$"; exec "$@"'
# The signal goes to the process group where the program leads one.
_KILL = 'kill -KILL "-$1" 2>/dev/null || kill -KILL "$1"'
# A file is written beside and renamed last, so that a name always stands for the whole content.
_RECEIVE = """
LC_ALL=C; export LC_ALL; umask 077; part="$1.part$$"
fail() { rm -f "$part"; df -Pk "${1%/*}" | awk 'NR == 2 { print "free_kb=" $4 }'; exit 1; }
cat >"$part" || fail "$1"
[ "$(sha256sum <"$part")" = "$2  -" ] || { came=$(wc -c <"$part"); rm -f "$part"; echo "wrong=$came"; fail "$1"; }
mv -f "$part" "$1" || fail "$1"
"""
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended; a negative status is a signal."""

    status: int
    stdout: bytes
    stderr: bytes


class Shell:
    """One connection. Everything it cannot do is a DeviceError; `lost` tells whether a new one is needed."""

    def __init__(self, address: Address, connection: asyncssh.SSHClientConnection) -> None:
        self._address = address
        self._connection = connection

    @classmethod
    async def open(cls, address: Address, login: Login | None = None) -> Self:
        login = login or Login()
        options = await connection_options(address, login)
        known_hosts = KnownHosts(known_hosts_files(options, address))
        with our_words(address, options.username, known_hosts):
            return cls(
                address, await asyncssh.connect(**connection_arguments(address, login), known_hosts=known_hosts.match)
            )

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
        """A tunnel from the board to a host that it can reach; closed when the block is left."""
        with self._words():
            try:
                async with asyncio.timeout(COMMAND_S):
                    reader, writer = await self._connection.open_connection(host, port, encoding=None)
            except asyncssh.ChannelOpenError as error:
                raise DeviceError(f"{self._address}: {tunnel_fault(error, host, port)}") from error
            except TimeoutError:
                raise DeviceError(f"{self._address}: it gets no answer from {host}:{port}") from None
        try:
            yield Tunnel(reader, self._words)
        finally:
            writer.channel.abort()

    async def upload(self, local: Path, remote: str, sha256: str = "") -> None:
        """The file is renamed to `remote` once it has arrived whole: as `sha256` says, where that is known already."""
        try:
            content = await asyncio.to_thread(local.read_bytes)
        except OSError as error:
            raise DeviceError(f"{local} cannot be read: {error.strerror}") from error
        size, sha256 = len(content), sha256 or hashlib.sha256(content).hexdigest()
        limit_s = COMMAND_S + size / UPLOAD_BYTES_PER_S
        done = await self.run("sh", "-c", _RECEIVE, "sh", remote, sha256, input=content, limit_s=limit_s)
        if done.status == 0:
            return
        facts = dict(line.split("=", 1) for line in done.stdout.decode("utf-8", "replace").splitlines() if "=" in line)
        if any(words in done.stderr.decode("utf-8", "replace") for words in _FULL):
            free = f"{int(facts['free_kb']) / 1e3:.1f} MB free" if facts.get("free_kb", "").isdigit() else "disk full"
            raise DeviceError(
                f"{self._address}: disk full: {local.name} takes {size / 1e6:.1f} MB, {free} at {remote}; make room"
            )
        if "wrong" in facts:
            digest = hashlib.sha256(content).hexdigest()
            fault = "changed here meanwhile" if digest != sha256 else "did not arrive as it was sent"
            raise DeviceError(f"{self._address}: {local.name} {fault} ({printable(facts['wrong'])} of {size} bytes)")
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
        """Reads until the command announces itself, past whatever the board's login scripts say."""
        greeting = b""
        try:
            async with asyncio.timeout(COMMAND_S):
                while (line := await program.readline()).endswith(b"\n") and len(greeting) < OUTPUT_BYTES:
                    announced = re.fullmatch(rf"{MARK} ([0-9]{{1,10}})\r?\n", line.decode("utf-8", "replace"))
                    if announced:
                        program.pid = int(announced[1])
                        return
                    greeting += line
                if len(greeting) < OUTPUT_BYTES:
                    await program.closed()
        except TimeoutError:
            raise DeviceError(f"{self._address}: no command starts within {COMMAND_S:g} s; is it overloaded?") from None
        except ValueError as error:
            raise DeviceError(f"{self._address}: its login scripts say {error}") from error
        self._status(program)
        greeting += line + await program.last_words()
        raise DeviceError(f"{self._address}: it runs no commands for this user ({last_line(greeting)})")

    async def _finish(self, program: Conversation) -> None:
        """What ends by itself is given time to; the rest is killed. A lost connection has closed its input already."""
        program.end_input()
        with suppress(DeviceError, TimeoutError):
            if not await ends_within(program, EXIT_S) and program.pid > 1:
                async with asyncio.timeout(KILL_S):
                    killer = await self._process("sh", "-c", _KILL, "sh", str(program.pid))
                    await killer.wait_closed()
                await ends_within(program, EXIT_S)
        program.drop()

    def _status(self, program: Conversation) -> int:
        if program.status is None:
            raise DeviceError(f"{self._address}: connection lost")
        return program.status

    @contextmanager
    def _words(self) -> Iterator[None]:
        with our_words(self._address):
            yield
