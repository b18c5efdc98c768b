"""Options of a connection, from ours and the user's ~/.ssh/config: keys or agent only, and nothing forwarded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from evaluators.device.on_board.fields import printable
from evaluators.device.ssh.address import Address
from space.errors import RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How the connection is made. `config` stands in for ~/.ssh/config."""

    config: Path | None = None
    connect_s: float = 15.0
    # A connection without an answer to this many of these is lost.
    keepalive_s: float = 5.0
    keepalives: int = 3


def connection_arguments(address: Address, login: Login) -> dict[str, Any]:
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


async def connection_options(address: Address, login: Login) -> asyncssh.SSHClientConnectionOptions:
    """The options with the config read: who the user is, and which files hold the known hosts."""
    try:
        options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
            **connection_arguments(address, login)
        )
        return options
    except (ValueError, OSError) as error:
        raise RequestError(f"{address}: your ssh configuration cannot be used: {printable(error)}") from error
