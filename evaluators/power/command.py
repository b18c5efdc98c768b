"""Any program that prints lines: `command:PROGRAM ARGUMENTS`, split as a shell does, run without one.

Its first line may name the columns (`time_s,volts,amps`); else one value is watts, two are volts and amps, three are
volts, amps and watts.
"""

import re
import shlex

from evaluators.power.columns import Columns, split
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.program import program
from evaluators.power.sample import GarbageError, Sample
from evaluators.power.stream import Board
from space.errors import RequestError

LIMITS = Limits(first_line=True, settle_s=0.5)
_UNNAMED = {1: ("W",), 2: ("V", "A"), 3: ("V", "A", "W")}


class Output:
    def __init__(self, name: str) -> None:
        self.info = MeterInfo(name, 0.0)
        self._columns: Columns | None = None

    def parse(self, line: str) -> Sample | None:
        words = split(line)
        if re.match(r"[^\W\d]|\"", line):
            if self._columns is None:
                self._columns = self._named(words)
            return None
        if self._columns is None:
            self._columns = self._named(_UNNAMED.get(len(words), words))
        return self._columns.sample(line)

    def _named(self, names: "list[str] | tuple[str, ...]") -> Columns:
        try:
            return Columns.named(names)
        except ValueError as error:
            raise GarbageError(str(error)) from error


def command(rest: str, _: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise RequestError(f"meter command:{rest}: {error}; quote it as for a shell") from error
    if not words:
        raise RequestError("meter command: names no program; valid is command:PROGRAM ARGUMENTS")
    name = f"command {words[0]}"
    return LineMeter(program(tuple(words), name), lambda: Output(name), limits)
