"""Connection: the address of a scheduler, whether it may be used, and what is wrong where it does not answer."""

import ipaddress
import logging
import shlex
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from distributed import Security
from distributed.comm import connect

from search.building.cluster.errors import ClusterError
from space.errors import RequestError

PLAIN, ENCRYPTED = "tcp", "tls"
# What Dask's schedulers listen on where nobody says otherwise.
_PORT = 8786
# Seconds that a scheduler is given for an answer.
ANSWER_S = 15.0


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


def security(address: str) -> Security:
    """As Dask's own configuration says."""
    return Security(require_encryption=address.startswith(ENCRYPTED))


async def answer(address: str, role: str) -> None:
    """ClusterError in one line where no scheduler answers; `role`: client or worker, whose certificate is shown."""
    try:
        comm = await connect(address, timeout=ANSWER_S, **security(address).get_connection_args(role))
        await comm.close()
    except (OSError, TypeError, ValueError) as error:
        raise ClusterError(f"{address}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({cause.verify_message}); nothing was sent; tls.ca-file of Dask's "
                "configuration has to name who signed it (docs/scale.md)"
            )
        if isinstance(cause, ssl.SSLError):
            return f"no encrypted conversation ({cause.reason or cause}); both sides need certificates of one authority"
        if isinstance(cause, TypeError | ValueError | FileNotFoundError):
            return f"Dask's configuration of certificates does not do: {cause}"
        if isinstance(cause, socket.gaierror):
            return f"no such host ({cause.strerror})"
        if isinstance(cause, ConnectionRefusedError):
            return "no scheduler listens there; next, on that machine: dask scheduler"
    return " ".join(str(error).split())[:200]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The first ones first."""
    if error is not None:
        yield from _causes(error.__cause__ or error.__context__)
        yield error


def start_command(address: str) -> str:
    """What starts a worker, on the machine that it is to work on."""
    return shlex.join(["python", "-m", "search", "workers", address])


def quiet_library() -> None:
    """What it says of every connection is no news to a person; what is, we say."""
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed"))):
        logging.getLogger(name).setLevel(logging.CRITICAL)
