"""Host keys: what the user's known_hosts, or the files that ~/.ssh/config names, say of a host, and what it shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from evaluators.device.ssh.address import Address
from evaluators.device.ssh.faults import our_words
from evaluators.device.ssh.options import Login, connection_options
from evaluators.errors import DeviceError
from space.errors import RequestError


@dataclass(frozen=True, slots=True)
class HostEntry:
    """Where a host's key is looked up, the user's ssh configuration read."""

    # The host's name in a line of known_hosts: host, [host]:port, or the configuration's HostKeyAlias.
    name: str
    # Stands for every port that has no entry of its own.
    portless: str
    # The files of known hosts, read in this order; keys are added to the first.
    files: tuple[Path, ...]


async def host_entry(address: Address, login: Login) -> HostEntry:
    options = await connection_options(address, login)
    files = tuple(_named_known_hosts(options, address))
    host = options.host_key_alias or options.host
    # An alias stands for one machine at one port, as in ssh.
    plain = options.host_key_alias is not None or options.port == asyncssh.DEFAULT_PORT
    return HostEntry(host if plain else f"[{host}]:{options.port}", host, files)


async def host_key(address: Address, login: Login, algorithms: tuple[str, ...] = ()) -> asyncssh.SSHKey:
    """What the host shows, of one of the algorithms where some are named. Nothing is checked."""
    options = await connection_options(address, login)
    with our_words(address):
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


class KnownHosts:
    """The keys of known hosts; remembers whether any was of the host that was asked for."""

    def __init__(self, files: list[Path]) -> None:
        try:
            self._keys = asyncssh.read_known_hosts([str(file) for file in files])
        except (ValueError, OSError) as error:
            raise RequestError(f"your known hosts ({', '.join(map(str, files))}) cannot be read: {error}") from error
        self.known = False

    def match(self, host: str, address: str, port: int | None) -> Any:
        matches = self._keys.match(host, address, port)
        self.known = any(matches)
        return matches


def _named_known_hosts(options: asyncssh.SSHClientConnectionOptions, address: Address) -> list[Path]:
    if options.known_hosts is None:
        raise RequestError(
            f"{address}: your ssh configuration turns the check of host keys off (UserKnownHostsFile none); name a file"
        )
    named = options.known_hosts if isinstance(options.known_hosts, list) else []
    return [Path(str(name)).expanduser() for name in named or ["~/.ssh/known_hosts"]]


def known_hosts_files(options: asyncssh.SSHClientConnectionOptions, address: Address) -> list[Path]:
    """A file that is not there holds no keys, as for ssh itself."""
    return [file for file in _named_known_hosts(options, address) if file.is_file()]
