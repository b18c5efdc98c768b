"""Connection: with a scheduler, and what is wrong where it does not answer."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from distributed import Security
from distributed.comm import connect

from search.building.cluster.address import ENCRYPTED
from search.building.cluster.errors import ClusterError

# Seconds that a scheduler is given for an answer.
ANSWER_S = 15.0


def security(address: str) -> Security:
    """What Dask's own configuration says of it."""
    return Security(require_encryption=address.startswith(ENCRYPTED))


async def answer(address: str, role: str) -> None:
    """ClusterError in one line where no scheduler answers; `role`: client or worker, whose certificate is shown."""
    try:
        # Dask tries again until its time is over, and forgets why.
        await _listens(address)
        comm = await connect(address, timeout=ANSWER_S, **security(address).get_connection_args(role))
        await comm.close()
    except (OSError, TypeError, ValueError) as error:
        raise ClusterError(f"{address}: {_reason(error)}") from error


async def _listens(address: str) -> None:
    parts = urlsplit(address)
    _, writer = await asyncio.wait_for(asyncio.open_connection(parts.hostname, parts.port), ANSWER_S)
    writer.close()
    await writer.wait_closed()


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
    return " ".join(str(error).split())[:200] or f"no answer within {ANSWER_S:.0f} s"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The first ones first."""
    if error is not None:
        yield from _causes(error.__cause__ or error.__context__)
        yield error


def quiet_library() -> None:
    """What it says of every connection is no news to a person; what is, we say."""
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed"))):
        logging.getLogger(name).setLevel(logging.CRITICAL)
