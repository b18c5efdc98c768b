"""Material: what the slides of one study are made from; read from the store alone."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from evaluators.measurement import Figures
from search.evaluation import Evaluation
from search.goal import Goal
from search.objectives import OBJECTIVES
from search.ranking import leading
from search.report import provenance
from search.rows import Row
from search.standings import Standings
from search.store import COMPLETE, Store, TrialRecord
from search.tables import known
from search.words import data_name, kind

# Half the width of a 95 % interval, in standard errors.
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Cover:
    """What a person adds."""

    title: str | None = None
    members: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds that trials spent on one thing, on average."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Material:
    now: Standings
    cover: Cover
    trials: Sequence[TrialRecord]
    # When the first and the last file was measured.
    measured: tuple[float, float] | None
    # This machine is the device.
    here: bool

    @property
    def goal(self) -> Goal:
        return self.now.goal

    @cached_property
    def rows(self) -> list[Row]:
        """In the order of the ranking, without the baseline."""
        return self.now.rows[:-1]

    @cached_property
    def baseline(self) -> Row:
        return self.now.row(self.now.baseline)

    @cached_property
    def winners(self) -> dict[str, Row]:
        """By objective: who leads if everybody here competed for it."""
        able = [one for one in self.now.ranked if known(one.current.energy_j)]
        found = {}
        for name, objective in OBJECTIVES.items():
            rivals = able if objective.needs_energy else self.now.ranked
            best = leading(rivals, replace(self.goal, objective=name))
            if best:
                found[name] = self.now.row(best[0])
        return found

    def accuracy_half(self, row: Row) -> float:
        """Half the 95 % interval of an accuracy, as a fraction."""
        return _Z * self._evaluations[row.recipe_id].accuracy.standard_error

    def figures(self, row: Row) -> Figures:
        return self._evaluations[row.recipe_id].current

    @cached_property
    def _evaluations(self) -> dict[str | None, Evaluation]:
        return {one.recipe_id: one for one in (*self.now.ranked, self.now.baseline)}

    @cached_property
    def energy_kinds(self) -> list[str]:
        """measured, estimated, predicted: those there are."""
        rows = [row for row in (*self.rows, self.baseline) if known(row.energy_mj)]
        return sorted({kind(row.energy_provenance) for row in rows})

    @property
    def caveats(self) -> list[str]:
        """What nobody may overlook."""
        said = []
        if self.goal.data == "builtin":
            said.append("built-in image set, not CIFAR-10")
        if self.here:
            said.append("this machine is the device, no Raspberry Pi")
        said += [f"energy {name}" for name in self.energy_kinds if name != "measured"]
        if not self.energy_kinds:
            said.append("no energy")
        return said

    @property
    def processes(self) -> str:
        counts = [one.current.processes for one in (*self.now.ranked, self.now.baseline)]
        low, high = min(counts), max(counts)
        return f"{low} process{'es' if high > 1 else ''}" if low == high else f"{low} to {high} processes"

    @property
    def date(self) -> str:
        if self.measured is None:
            return "not measured yet"
        first, last = (time.strftime("%Y-%m-%d", time.localtime(moment)) for moment in self.measured)
        return first if first == last else f"{first} to {last}"

    @property
    def line(self) -> str:
        """What the figures rest on, for a footer."""
        bench = self.now.bench
        data = {"cifar10": "CIFAR-10", "builtin": "built-in image set"}.get(self.goal.data, self.goal.data)
        meter = " and ".join(self.energy_kinds) or "no energy"
        return " · ".join(
            (
                bench.board,
                bench.runtime,
                f"{bench.meter} ({meter})",
                f"run() alone, batch 1, protocol {bench.protocol}",
                data,
                f"{self.processes} a file, 95 % intervals",
                self.date,
            )
        )

    @cached_property
    def notes(self) -> str:
        """The same in full, for who asks."""
        bench, goal = self.now.bench, self.goal
        return "\n".join(
            (
                f"Study {goal.id}; objective: {OBJECTIVES[goal.objective].title}.",
                f"Board {bench.board}, {bench.cores} cores, {bench.system}, governor {bench.governor}, serial "
                f"{bench.serial or 'not known'}; {bench.runtime}; {bench.meter}; protocol {bench.protocol}.",
                f"Data: {data_name(goal)}, fingerprint {goal.fingerprint}; baseline {goal.baseline_id}.",
                f"{len(self.rows)} networks and the baseline, {self.processes} each; measured {self.date}. "
                "Intervals: 95 %; of accuracy by the number of images, of latency by blocks and processes.",
                *(f"{text[0].upper()}{text[1:]}." for text in provenance(self.now)),
                *(f"Mind: {text}." for text in self.caveats),
            )
        )

    @cached_property
    def time_spent(self) -> list[Step]:
        """Where the time of a finished trial went; a network that was built before costs a trial nothing."""
        spent: dict[str, list[float]] = {name: [] for name in ("train", "export", "quantize", "measure")}
        for trial in self.trials:
            one = self._evaluations.get(trial.recipe_id)
            if trial.state != COMPLETE or trial.ended_at is None or one is None:
                continue
            whole, built = trial.ended_at - trial.begun_at, one.candidate.seconds
            fresh = math.fsum(built.values()) <= whole + 1
            for name in ("train", "export", "quantize"):
                spent[name].append(built.get(name, 0.0) if fresh else 0.0)
            spent["measure"].append(max(0.0, whole - (math.fsum(built.values()) if fresh else 0.0)))
        counted = len(spent["measure"])
        return [Step(name, math.fsum(values) / counted) for name, values in spent.items()] if counted else []


def material(store: Store, now: Standings, cover: Cover) -> Material:
    bench = now.goal.bench_id
    return Material(
        now=now,
        cover=cover,
        trials=store.trials(now.goal.id),
        measured=store.measured_between(bench),
        here=store.device(bench).on_this_machine,
    )
