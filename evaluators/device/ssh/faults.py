"""Faults of a connection, in our words and with the next step; the one place where asyncssh's failures become ours."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import asyncssh

from evaluators.device.on_board.fields import printable
from evaluators.device.ssh.address import Address
from evaluators.errors import DeviceError


class AskedHosts(Protocol):
    """The known hosts that a connection has asked; whether any of them was the host."""

    @property
    def known(self) -> bool: ...


@contextmanager
def our_words(address: Address, user: str = "", known_hosts: AskedHosts | None = None) -> Iterator[None]:
    """The one place where asyncssh's failures become ours."""
    try:
        yield
    except (asyncssh.Error, OSError) as error:
        known = known_hosts is not None and known_hosts.known
        raise DeviceError(f"{address}: {_fault(error, address, user, known)}") from error


def _fault(error: asyncssh.Error | OSError, address: Address, user: str, known: bool) -> str:
    reason = printable(error)
    if isinstance(error, asyncssh.HostKeyNotVerifiable) and "revoked" in reason:
        return "its host key is marked as revoked in your known hosts; do not use this board before you know why"
    if isinstance(error, asyncssh.HostKeyNotVerifiable) and not known:
        return f"its host key is unknown; look at it and trust it; next: python -m search devices trust {address}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or (isinstance(error, asyncssh.KeyExchangeFailed) and known):
        return (
            "ITS HOST KEY HAS CHANGED: either the board was set up anew, or another machine answers in its place. "
            "Compare the key at the board itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); "
            "only if you know the reason, remove the old one"
        )
    if isinstance(error, asyncssh.PermissionDenied) or "Too many authentication failures" in reason:
        return (
            f"no key was accepted for user {user}; keys or an agent are the only way in; next: {_keys(address, user)}"
        )
    if isinstance(error, (asyncssh.ConnectionLost, asyncssh.ChannelOpenError, ConnectionResetError, BrokenPipeError)):
        return f"connection lost ({reason or type(error).__name__})"
    if isinstance(error, asyncssh.Error):
        return f"no conversation over ssh: {reason}"
    return _network_fault(error, reason, address)


def tunnel_fault(error: asyncssh.ChannelOpenError, host: str, port: int) -> str:
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return f"its ssh server makes no connection to {host}:{port} for us; it needs AllowTcpForwarding yes (or local)"
    if error.code == asyncssh.OPEN_CONNECT_FAILED:
        return f"it cannot reach {host}:{port} ({printable(error)}); is the board in that network?"
    return f"connection lost ({printable(error)})"


def _network_fault(error: OSError, reason: str, address: Address) -> str:
    # Several addresses of one name fail in one error, which has no number of its own.
    numbers = {error.errno, *(int(number) for number in re.findall(r"\[Errno (\d+)\]", reason))}
    if isinstance(error, socket.gaierror):
        return (
            "no machine of this name is known here; is the board switched on, and is that its name? Its IP address "
            f"does, too; next: ping -c 1 {address.host}"
        )
    if errno.ECONNREFUSED in numbers:
        return (
            "connection refused: the machine is there, but no ssh server at this port; next, at the board: "
            "sudo systemctl enable --now ssh"
        )
    if isinstance(error, TimeoutError):
        return f"no answer in time; is the board switched on, and not frozen? next: ping -c 1 {address.host}"
    if numbers & {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}:
        return f"unreachable; is the board switched on, and in this network? next: ping -c 1 {address.host}"
    return f"connection failed: {reason}"


def _keys(address: Address, user: str) -> str:
    """Who has no key yet makes one first."""
    port = f"-p {address.port} " if address.port else ""
    make = "" if any(Path("~/.ssh").expanduser().glob("id_*")) else "ssh-keygen -t ed25519 && "
    return f"{make}ssh-copy-id {port}{user}@{address.host}"
