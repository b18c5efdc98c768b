"""Trust: the key a board shows, what is known of it, and the line that makes it known; nothing else adds one."""

import os
import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import asyncssh

from evaluators.device.ssh.address import Address
from evaluators.device.ssh.host_keys import HostEntry, host_entry, host_key
from evaluators.device.ssh.options import Login
from evaluators.errors import DeviceError
from space.errors import RequestError

_KINDS = {"ssh-ed25519": "ED25519", "ssh-ed448": "ED448", "ssh-rsa": "RSA"}


class Standing(StrEnum):
    NEW = "new"
    KNOWN = "known"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A host's key as ssh-keygen -l prints it, and the line that known_hosts would hold."""

    address: Address
    kind: str
    fingerprint: str
    standing: Standing
    # Where the board's key is, or would be, noted, and under which name.
    file: Path
    name: str
    line: str

    @property
    def remedy(self) -> str:
        """What to do about a key that has changed."""
        return (
            "the board was set up anew, or another machine answers in its place. Compare it at the board "
            "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); only if it is the same, remove the old one; next: "
            f"{shlex.join(['ssh-keygen', '-f', str(self.file), '-R', self.name])}"
        )


async def look(address: Address, login: Login | None = None) -> ShownKey:
    """The key the board shows now, of a kind that is known of it where there is one."""
    login = login or Login()
    entry = await host_entry(address, login)
    known, revoked, own, file = _known(entry)
    algorithms = tuple(dict.fromkeys(name.decode() for key in known for name in key.sig_algorithms))
    try:
        shown = await host_key(address, login, algorithms)
    except DeviceError as error:
        # A server that has none of the known kinds any more may just hang up.
        if not isinstance(error.__cause__, (asyncssh.Error, ConnectionError)) or not algorithms:
            raise
        shown = await host_key(address, login)
    if shown.public_data in {key.public_data for key in revoked}:
        standing = Standing.REVOKED
    elif shown.public_data in {key.public_data for key in known}:
        standing = Standing.KNOWN
    else:
        # Another port's key says nothing of this one.
        standing = Standing.CHANGED if own else Standing.NEW
    public = shown.export_public_key().decode().strip()
    algorithm = shown.get_algorithm()
    kind = _KINDS.get(algorithm, algorithm.split("-")[0].upper())
    line = f"{entry.name} {' '.join(public.split()[:2])}"
    return ShownKey(address, kind, shown.get_fingerprint(), standing, file, entry.name, line)


def note(key: ShownKey) -> None:
    """One write at the end of the file, as ssh itself adds a key: nobody else's line is lost."""
    try:
        key.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(key.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            ended = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
            os.write(descriptor, f"{'' if ended else chr(10)}{key.line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RequestError(f"{key.file} cannot be written: {error.strerror}") from error


def _known(entry: HostEntry) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], bool, Path]:
    """Keys of the host, those revoked, whether any stands under its very name, and the file that is concerned."""
    known: list[asyncssh.SSHKey] = []
    revoked: list[asyncssh.SSHKey] = []
    own: list[Path] = []
    for file in entry.files:
        if not file.is_file():
            continue
        try:
            keys = asyncssh.read_known_hosts(str(file))
        except (ValueError, OSError) as error:
            raise RequestError(f"your known hosts ({file}) cannot be read: {error}") from error
        for name in dict.fromkeys((entry.name, entry.portless)):
            trusted, _, distrusted, *_ = keys.match(name, "", None)
            known += trusted
            revoked += distrusted
            own += [file] if trusted and name == entry.name else []
    return known, revoked, bool(own), own[0] if own else entry.files[0]
