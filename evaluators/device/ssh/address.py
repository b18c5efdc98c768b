"""Address: which board over ssh, as the user writes it: `pi@raspberrypi.local`, `board:2222`, `[fe80::1%eth0]:22`."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

from space.errors import RequestError

VALID = "user@host, user@host:port or a name of your ~/.ssh/config; IPv6 as [::1]:port"
# No leading dash, as of an option; no colon, as of a password.
_USER = re.compile(r"[A-Za-z0-9_.\\+][A-Za-z0-9_.\\+$-]*")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Address:
    """A board's place; what is left out is for ~/.ssh/config to say, else for ssh's defaults."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """RequestError with what would be valid."""
        user, at, place = text.rpartition("@")
        if at and ":" in user:
            # Not repeated: what stands there may be a password.
            raise RequestError("the board's user has a colon in it; a password is never taken here, keys or agent only")
        if at and not _USER.fullmatch(user):
            raise RequestError(f"board {text!r}: {user!r} is no user's name; valid is {VALID}")
        host, port = _host_and_port(place, text)
        return cls(host, user or None, port)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        if self.port is None:
            return user + self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{user}{host}:{self.port}"


def _host_and_port(place: str, text: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", place)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif place.count(":") > 1:
        host, port = place, None
    else:
        host, colon, rest = place.partition(":")
        port = rest if colon else None
    if not (_HOST.fullmatch(host) or _is_ipv6(host)):
        raise RequestError(f"board {text!r}: {host!r} is no host; valid is {VALID}")
    if port is None:
        return host, None
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise RequestError(f"board {text!r}: port {port!r} is not a number from 1 to 65535; valid is {VALID}")
    return host, int(port)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
