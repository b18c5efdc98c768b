"""Place: the part of a meter's URL behind its kind: `HOST:23?via=board`, `/dev/ttyUSB0?baud=115200`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from space.errors import RequestError

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9_][A-Za-z0-9_.-]*))(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """The whole URL is kept for messages."""

    url: str
    where: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, kind: str, rest: str, *known: str) -> Self:
        """RequestError names the options that are known."""
        where, _, query = rest.partition("?")
        url = f"{kind}:{rest}"
        options: dict[str, str] = {}
        for part in query.split("&") if query else []:
            name, equals, value = part.partition("=")
            if name not in known or not equals or name in options:
                valid = ", ".join(f"{option}=" for option in known) or "none"
                raise RequestError(f"meter {url}: option {part!r} is not known here, or given twice; valid is {valid}")
            # A plus stays one: regular expressions are full of them.
            options[name] = unquote(value)
        return cls(url, unquote(where), options)

    def choice(self, name: str, default: str, *others: str) -> str:
        value = self.options.get(name, default)
        if value not in (default, *others):
            raise RequestError(f"meter {self.url}: {name}={value}; valid is {', '.join([default, *others])}")
        return value

    def number(self, name: str, default: float, least: float, most: float) -> float:
        text = self.options.get(name, f"{default:g}")
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or not least <= float(text) <= most:
            raise RequestError(f"meter {self.url}: {name}={text}; valid is a number from {least:g} to {most:g}")
        return float(text)

    def host_and_port(self, default: int) -> tuple[str, int]:
        host = _HOST.fullmatch(self.where.removeprefix("//").rstrip("/"))
        port = int(host[3]) if host and host[3] else default
        if not host or not 1 <= port <= 65535:
            raise RequestError(
                f"meter {self.url}: {self.where!r} is no host; valid is HOST or HOST:PORT, as in smartpower2://192.168.4.1"
            )
        return host[1] or host[2], port

    def path(self) -> str:
        if not self.where:
            raise RequestError(f"meter {self.url} names nothing behind the colon; valid is a port or file")
        return self.where
