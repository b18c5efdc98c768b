"""Outage: a server of the database that does not answer for a while is waited for, and what failed is done again."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from search.store.database import StoreAway, StoreError, store_faults, without_password

T = TypeVar("T")

# How long a server is waited for, and the time between two looks at it, in seconds.
MOST_S, EVERY_S = 600.0, 1.0
# What passes at once, as a deadlock, is tried again after so many seconds.
_AT_ONCE_S = 0.05


class Outage:
    """`there` raises StoreAway while the server does not answer."""

    def __init__(self, url: str, there: Callable[[], object], say: Callable[[str], None]) -> None:
        self._url = url
        self._there = there
        self._say = say
        # When the server answered again last, on the monotonic clock: who was not heard of until then may be alive.
        self.back_at = -float("inf")
        # Whoever interrupted a wait, or waited in vain, waits no more.
        self._given_up = False

    def through(self, work: Callable[[], T]) -> T:
        """What the work ends with, once the server answers; the work may be done more than once."""
        failed_at = None
        while True:
            try:
                with store_faults(self._url):
                    return work()
            except StoreAway as away:
                if self._given_up:
                    raise
                failed_at = time.monotonic() if failed_at is None else failed_at
                try:
                    self._wait(away, failed_at)
                except BaseException:
                    self._given_up = True
                    raise

    def _wait(self, away: StoreAway, failed_at: float) -> None:
        """Until the server answers."""
        is_said = False
        while True:
            time.sleep(EVERY_S if is_said else _AT_ONCE_S)
            if time.monotonic() - failed_at > MOST_S:
                finished = "what was finished is kept on disk, and told by the same command"
                raise StoreError(f"{away}; it was waited for, {MOST_S / 60:.0f} min; {finished}") from away
            try:
                self._there()
            except StoreAway:
                if not is_said:
                    self._say(
                        f"the database {without_password(self._url)} does not answer: it is waited for, up to "
                        f"{MOST_S / 60:.0f} min, and what is finished meanwhile is kept on disk"
                    )
                is_said = True
            else:
                break
        if is_said:
            self.back_at = time.monotonic()
            self._say(f"the database answers again, after {self.back_at - failed_at:.0f} s")


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
