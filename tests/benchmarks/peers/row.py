"""Row: one way to a small network; it leaves a store in which candidates are evaluated, and says what that took."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.peers.options import Options


@dataclass(frozen=True, slots=True)
class Effort:
    # Without confirmation.
    seconds: float
    # Networks that were asked for, or trained.
    trials: int


def nothing_to_check() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Row:
    carry_out: Callable[[Options, Path], Effort]
    # How it was tuned, for who reads the table.
    settings: str
    # ImportError where a package is missing: said before anything is trained.
    check: Callable[[], None] = nothing_to_check
