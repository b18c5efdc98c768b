"""Address: of a scheduler, and whether it may be talked to; nothing of Dask is imported to find that out."""

import ipaddress
import shlex
from importlib.util import find_spec
from urllib.parse import urlsplit

from space.errors import RequestError

PLAIN, ENCRYPTED = "tcp", "tls"
# What Dask's schedulers listen on where nobody says otherwise.
_PORT = 8786


def checked(address: str, plain: bool) -> str:
    """RequestError for what is no address, and for one that anybody on the way could read and change. Nothing is sent
    for that."""
    parts = urlsplit(address)
    try:
        port = parts.port or _PORT
    except ValueError:
        port = 0
    if parts.scheme not in (PLAIN, ENCRYPTED) or not parts.hostname or not port:
        raise RequestError(f"--workers {address}: a scheduler's address is tcp://HOST:{_PORT} or tls://HOST:{_PORT}")
    if parts.scheme == PLAIN and not plain and not _loopback(parts.hostname):
        raise RequestError(
            f"--workers {address}: over {PLAIN}:// anybody on the way can read and change what is sent, and have the "
            f"workers run anything; use {ENCRYPTED}:// with certificates in Dask's configuration (docs/scale.md), or "
            "add --workers-plain where the network is your own"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening_host(address: str) -> str | None:
    """What a worker of this scheduler listens on. Whoever reaches it can have it run anything, so where nothing is
    encrypted and the scheduler is on this machine, it is this machine alone. None: whatever Dask takes."""
    parts = urlsplit(address)
    if parts.scheme != PLAIN or not parts.hostname or not _loopback(parts.hostname):
        return None
    return "127.0.0.1" if parts.hostname == "localhost" else parts.hostname


def check_installed() -> None:
    if find_spec("distributed") is None:
        raise RequestError(
            "a cluster needs Dask, which is not installed here; next: pip install 'ondevice-search[cluster]'"
        )


def start_command(address: str, gpu: bool = False) -> str:
    """What starts a worker, on the machine that it is to work on."""
    return shlex.join(["python", "-m", "search", "workers", address, *(["--gpu"] if gpu else [])])
