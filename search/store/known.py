"""Known: what was read of the database, and stays true until somebody writes to the tables that it is of.

A number tells whether anybody wrote: each transaction takes the next one. Within a moment, such as a step of a trial,
it is asked for once; outside of moments everything is read anew.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Known:
    # The last transaction that is known of here, by this writer or by others.
    number: int = -1
    # How often others were found to have written.
    others: int = 0
    # How many moments are on, one within the other.
    moments: int = 0
    _read: dict[object, tuple[Set[str], Any]] = field(default_factory=dict)

    def looked(self, number: int) -> None:
        """The last transaction was found to be this one."""
        if number != self.number:
            self.number = number
            self.forget()

    def wrote(self, first: int, last: int, tables: Set[str]) -> None:
        """A transaction of ours, with these numbers."""
        if first != self.number + 1:
            self.forget()
        self.number = last
        self._read = {name: entry for name, entry in self._read.items() if not entry[0] & tables}

    def forget(self) -> None:
        """Anything may have been written."""
        self.others += 1
        self._read.clear()

    def of(self, name: object, tables: Set[str], read: Callable[[], T]) -> T:
        if not self.moments:
            return read()
        if name not in self._read:
            self._read[name] = (tables, read())
        value: T = self._read[name][1]
        return value
