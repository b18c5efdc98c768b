"""Doing: what a run is at, place by place, and what it warned of; kept in a file for whoever watches."""

import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# The file lies beside the lock in the folder of the store.
FILE = "at_work.json"
# A run writes it every second: what is much older was left by one that was killed.
STALE_S = 30.0
# How many of the lines that were said, and how many of the warnings, are kept.
SAID, WARNINGS = 40, 6


@dataclass(frozen=True, slots=True)
class Doing:
    """One place: the run itself, a builder, a worker of a cluster or a board."""

    place: str
    # What is done there; empty where it is idle.
    step: str
    # The share of the step that is done; 0 where nobody knows.
    share: float
    # The Unix time at which the step began.
    since: float
    # The share of a worker's time in which it was at work; None for other places.
    busy: float | None = None

    def left_s(self, now: float) -> float | None:
        """The seconds that are left, in proportion to those that the share that is done took; None where that says
        nothing yet."""
        return (now - self.since) * (1 - self.share) / self.share if 0.02 <= self.share < 1 else None


@dataclass(frozen=True, slots=True)
class Work:
    # Trials of this run, or what else is counted, in the plural; those that have ended.
    what: str
    count: int
    ended: int
    # The Unix times of its beginning, and after which no trial begins.
    begun: float
    until: float | None = None
    # Ids of the studies, the first of which is shown in full.
    studies: tuple[str, ...] = ()
    doing: tuple[Doing, ...] = ()
    warnings: tuple[str, ...] = ()
    # What was said last, the newest at the end.
    said: tuple[str, ...] = ()

    def left_s(self, now: float) -> float | None:
        """The seconds until the last trial ends, were the others as long as those that have ended."""
        return (now - self.begun) / self.ended * (self.count - self.ended) if self.ended else None


def keep(work: Work, folder: Path) -> None:
    """Whole or absent, and of no worth once the run has ended: it waits for no disk, and a full one is no matter."""
    beside = folder / f".{FILE}.part"
    with contextlib.suppress(OSError):
        beside.write_text(json.dumps({"at": time.time(), **asdict(work)}), encoding="utf-8")
        beside.replace(folder / FILE)


def forget(folder: Path) -> None:
    (folder / FILE).unlink(missing_ok=True)


def kept(folder: Path) -> Work | None:
    """The work of the run; None where no run is at work, and of a run that keeps its folder elsewhere. Who else may
    write to the folder is not known: what is no such file tells nothing."""
    try:
        values = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return _read(values) if time.time() - values["at"] < STALE_S else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _read(values: Mapping[str, Any]) -> Work:
    return Work(
        what=str(values["what"]),
        count=int(values["count"]),
        ended=int(values["ended"]),
        begun=_number(values["begun"]),
        until=None if values["until"] is None else _number(values["until"]),
        studies=tuple(map(str, values["studies"])),
        doing=tuple(
            Doing(
                str(entry["place"]),
                str(entry["step"]),
                _number(entry["share"]),
                _number(entry["since"]),
                None if entry.get("busy") is None else _number(entry["busy"]),
            )
            for entry in values["doing"]
        ),
        warnings=tuple(map(str, values["warnings"])),
        said=tuple(map(str, values["said"])),
    )


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return float(value)
