"""Material: what the slides of one study are made from; read from the store alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from search.export.scatter import winners
from search.results.basis import Basis, basis
from search.results.rows import Row
from search.results.standings import Standings
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE, TrialRecord


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
    standings: Standings
    cover: Cover
    trials: Sequence[TrialRecord]
    basis: Basis

    @property
    def goal(self) -> Goal:
        return self.standings.goal

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The rows in the order of the ranking, without the baseline."""
        return self.standings.rows[:-1]

    @cached_property
    def baseline(self) -> Row:
        return self.standings.row(self.standings.baseline)

    @cached_property
    def winners(self) -> dict[str, Row]:
        """By objective, the row that leads if everybody here competed for it."""
        rows = {row.recipe_id: row for row in self.rows}
        return {name: rows[recipe_id] for name, recipe_id in winners(self.standings).items()}

    @property
    def notes(self) -> str:
        """What the figures rest on, in full."""
        lines = [f"{text[0].upper()}{text[1:]}." for text in self.basis.lines]
        return "\n".join([*(caveat.sentence for caveat in self.basis.caveats), *lines])

    @cached_property
    def _evaluations(self) -> dict[str, Evaluation]:
        evaluations = (*self.standings.ranked, self.standings.baseline)
        return {evaluation.recipe_id: evaluation for evaluation in evaluations}

    @cached_property
    def time_spent(self) -> list[Step]:
        """Where the time of a finished trial went; a network that was built before costs a trial nothing."""
        spent: dict[str, list[float]] = {name: [] for name in ("train", "export", "quantize", "measure")}
        for trial in self.trials:
            evaluation = self._evaluations.get(trial.recipe_id)
            if trial.state != COMPLETE or trial.ended_at is None or evaluation is None:
                continue
            whole, built = trial.ended_at - trial.begun_at, evaluation.candidate.seconds
            fresh = math.fsum(built.values()) <= whole + 1
            for name in ("train", "export", "quantize"):
                spent[name].append(built.get(name, 0.0) if fresh else 0.0)
            spent["measure"].append(max(0.0, whole - (math.fsum(built.values()) if fresh else 0.0)))
        counted = len(spent["measure"])
        return [Step(name, math.fsum(values) / counted) for name, values in spent.items()] if counted else []


def material(store: Store, standings: Standings, cover: Cover) -> Material:
    return Material(standings, cover, store.trials(standings.goal.id), basis(store, standings))
