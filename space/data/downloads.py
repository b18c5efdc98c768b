"""Downloads: whether published files can be had within seconds, and whether one that lies here is as published."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from space.errors import RequestError

# Seconds for the first byte: a person waits for it, and may hear only then that another data set is taken.
LIMIT_S = 5.0


def why_unreachable(mirrors: Sequence[str], limit_s: float = LIMIT_S) -> str | None:
    """None where the first byte of one of them arrives within the limit; else what the first that failed said. Name
    servers that never answer hold nothing up."""
    outcomes: SimpleQueue[str | None] = SimpleQueue()

    def fetch(url: str) -> None:
        outcomes.put(_failure(url, limit_s))

    for url in mirrors:
        threading.Thread(target=fetch, args=(url,), daemon=True).start()
    begun, failures = time.monotonic(), []
    for _ in mirrors:
        try:
            failure = outcomes.get(timeout=max(0.0, begun + limit_s - time.monotonic()))
        except Empty:
            failures.append(f"no answer within {limit_s:.0f} s")
            break
        if failure is None:
            return None
        failures.append(failure)
    return failures[0]


def _failure(url: str, limit_s: float) -> str | None:
    # A tenth of what a command takes that reads a store, and few download anything.
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=limit_s) as answer:
            answer.read(1)
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return None


def check_published(path: Path, md5: str, title: str) -> None:
    """RequestError where the file is missing, or another than the published one. `title`: of the data set."""
    from torchvision.datasets.utils import check_integrity

    again = f"remove {path.parent} to have {title} downloaded again"
    if not path.is_file():
        raise RequestError(f"{path} is missing; {again}")
    if not check_integrity(str(path), md5):
        raise RequestError(f"{path} ({path.stat().st_size:,} bytes) is damaged: its md5 is not {md5}; {again}")
