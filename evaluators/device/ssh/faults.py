"""Faults of a connection, in our words and with the next step; the one place where asyncssh's failures become ours."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
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
        return f"its host key is unknown; look at it and trust it: python -m search devices trust {address}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or (isinstance(error, asyncssh.KeyExchangeFailed) and known):
        return (
            "ITS HOST KEY HAS CHANGED: either the board was set up anew, or another machine answers in its place. "
            "Compare the key at the board itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); "
            "only if you know the reason, remove the old one (ssh-keygen -R) and trust the new one"
        )
    if isinstance(error, asyncssh.PermissionDenied) or "Too many authentication failures" in reason:
        return f"no key was accepted for user {user}; keys or an agent are the only way in: {_copy_id(address, user)}"
    if isinstance(error, (asyncssh.ConnectionLost, asyncssh.ChannelOpenError, ConnectionResetError, BrokenPipeError)):
        return f"connection lost ({reason or type(error).__name__})"
    if isinstance(error, asyncssh.Error):
        return f"no conversation over ssh: {reason}"
    return _network_fault(error, reason)


def tunnel_fault(error: asyncssh.ChannelOpenError, host: str, port: int) -> str:
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return f"its ssh server makes no connection to {host}:{port} for us; it needs AllowTcpForwarding yes (or local)"
    if error.code == asyncssh.OPEN_CONNECT_FAILED:
        return f"it cannot reach {host}:{port} ({printable(error)}); is the board in that network?"
    return f"connection lost ({printable(error)})"


def _network_fault(error: OSError, reason: str) -> str:
    # Several addresses of one name fail in one error, which has no number of its own.
    numbers = {error.errno, *(int(number) for number in re.findall(r"\[Errno (\d+)\]", reason))}
    if isinstance(error, socket.gaierror):
        return "no machine of this name is known here; check the name, or use the board's IP address"
    if errno.ECONNREFUSED in numbers:
        return "connection refused: the machine is there, but no ssh server at this port; is ssh enabled on the board?"
    if isinstance(error, TimeoutError):
        return "no answer in time; is the board switched on, and not frozen?"
    if numbers & {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}:
        return "unreachable; is the board switched on, and in this network?"
    return f"connection failed: {reason}"


def _copy_id(address: Address, user: str) -> str:
    port = f"-p {address.port} " if address.port else ""
    return f"ssh-copy-id {port}{user}@{address.host}"
