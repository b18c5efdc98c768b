"""Trials: which recipe a study asked for, and what became of it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.store.goal import Goal
from search.store.leases import Leases
from search.store.part import lasting
from search.store.version import FIRST, WITH_CLAIMS
from space.recipe import Recipe

if TYPE_CHECKING:
    from sqlalchemy import Connection

RUNNING, COMPLETE, FAILED, INTERRUPTED = "running", "complete", "failed", "interrupted"
# The state of a trial that was measured and not trained: it could not win.
GATED = "gated"


@dataclass(frozen=True, slots=True)
class TrialRecord:
    number: int
    recipe_id: str
    state: str
    reason: str
    # These are Unix times.
    begun_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A recipe on its way."""

    recipe_id: str
    study_id: str
    number: int
    owner: str


_NUMBERS = "SELECT recipe_id, number FROM search_trials WHERE study_id = :study_id"


class Trials(Leases):
    """Trials, kept by study and number."""

    def __init__(self, folder: Path, storage: str | None = None) -> None:
        super().__init__(folder, storage)
        # The trials that were read of each study, with the last transaction up to which they were read.
        self._numbers: dict[str, tuple[int, dict[str, int]]] = {}

    @lasting
    def begin_trial(self, study_id: str, number: int, recipe_id: str) -> None:
        from search.store.tables import TRIALS

        values = {"recipe_id": recipe_id, "state": RUNNING, "reason": "", "begun_at": time.time(), "owner": self._owner}
        with self._writing() as write:
            values["changed"] = write.number
            write.put(TRIALS, {"study_id": study_id, "number": number}, {}, first=values)

    @lasting
    def claim_trial(self, goal: Goal, number: int, recipe: Recipe, seen: int) -> bool:
        """Begins it, unless another writer has a trial of the recipe on its way, or found something out about it since
        the transaction that was `seen` last; false where it has."""
        from search.store.tables import CLAIMS, TRIALS

        if not self.shared:
            self.begin_trial(goal.id, number, recipe.id)
            return True
        with self._writing() as write:
            if self._changed(write.connection, goal, number, recipe, seen) or self._claimed(
                write.connection, goal, number, recipe.id
            ):
                return False
            values = {"state": RUNNING, "reason": "", "begun_at": time.time(), "owner": self._owner}
            values |= {"recipe_id": recipe.id, "changed": write.number}
            write.put(TRIALS, {"study_id": goal.id, "number": number}, values)
            keys = {"baseline_id": goal.baseline_id, "bench_id": goal.bench_id, "recipe_id": recipe.id}
            write.put(CLAIMS, keys, {"study_id": goal.id, "number": number, "owner": self._owner})
            return True

    def _changed(self, connection: "Connection", goal: Goal, number: int, recipe: Recipe, seen: int) -> bool:
        """Each transaction that writes waits for the one before it: what is read here stays true until its end."""
        from sqlalchemy import and_, not_, select

        from search.store.tables import CANDIDATES, STRUCTURES, TRIALS

        mine = and_(TRIALS.c.study_id == goal.id, TRIALS.c.number == number)
        since = (
            # One of a writer that is gone ends first: two of one recipe would be told twice.
            select(TRIALS.c.number).where(
                TRIALS.c.study_id == goal.id, TRIALS.c.state == RUNNING, TRIALS.c.recipe_id == recipe.id, not_(mine)
            ),
            select(TRIALS.c.number).where(TRIALS.c.changed > seen, TRIALS.c.recipe_id == recipe.id, not_(mine)),
            select(CANDIDATES.c.recipe_id).where(
                CANDIDATES.c.recipe_id == recipe.id,
                CANDIDATES.c.baseline_id == goal.baseline_id,
                CANDIDATES.c.changed > seen,
            ),
            select(STRUCTURES.c.structure_id).where(
                STRUCTURES.c.structure_id == recipe.structure_id,
                STRUCTURES.c.bench_id == goal.bench_id,
                STRUCTURES.c.changed > seen,
            ),
        )
        return any(connection.execute(statement).first() is not None for statement in since)

    def _claimed(self, connection: "Connection", goal: Goal, number: int, recipe_id: str) -> bool:
        """Whether the recipe is claimed by a trial of a writer that is still there, or by another one of this
        writer's."""
        from sqlalchemy import and_, delete, select

        from search.store.tables import CLAIMS

        named = and_(
            CLAIMS.c.baseline_id == goal.baseline_id,
            CLAIMS.c.bench_id == goal.bench_id,
            CLAIMS.c.recipe_id == recipe_id,
        )
        row = connection.execute(select(CLAIMS.c.study_id, CLAIMS.c.number, CLAIMS.c.owner).where(named)).first()
        if row is None:
            return False
        if self._is_there(connection, row.owner) if row.owner != self._owner else row[:2] != (goal.id, number):
            return True
        connection.execute(delete(CLAIMS).where(named))
        return False

    @lasting
    def end_trial(self, study_id: str, number: int, state: str, reason: str = "") -> None:
        from sqlalchemy import delete

        from search.store.tables import CLAIMS, TRIALS

        ended = {"state": state, "reason": reason, "ended_at": time.time(), "owner": None}
        with self._writing() as write:
            ended["changed"] = write.number
            write.change(TRIALS, {"study_id": study_id, "number": number}, ended)
            if self._database.shared:
                write.connection.execute(delete(CLAIMS).where(CLAIMS.c.study_id == study_id, CLAIMS.c.number == number))

    def trials_changed(self, study_id: str, seen: int) -> list[TrialRecord]:
        """The trials that began or ended since the transaction that was seen last."""
        rows = self._database.rows(
            "SELECT number, recipe_id, state, reason, begun_at, ended_at FROM search_trials "
            "WHERE changed > :seen AND study_id = :study_id ORDER BY number",
            {"seen": seen, "study_id": study_id},
        )
        return [TrialRecord(*row) for row in rows]

    def claims(self, goal: Goal) -> list[Claim]:
        """What any writer has on its way of the goal's baseline and bench; nothing in a store of an earlier version."""
        if self.version is None or self.version < WITH_CLAIMS:
            return []
        rows = self._database.rows(
            "SELECT recipe_id, study_id, number, owner FROM search_claims "
            "WHERE baseline_id = :baseline_id AND bench_id = :bench_id ORDER BY number",
            {"baseline_id": goal.baseline_id, "bench_id": goal.bench_id},
        )
        return [Claim(*row) for row in rows]

    def numbers(self, study_id: str) -> dict[str, int]:
        """The number of the last trial of each recipe."""
        return dict(self._known.of(("numbers", study_id), {"search_trials"}, lambda: self._numbers_of(study_id)))

    def _numbers_of(self, study_id: str) -> dict[str, int]:
        """What was read stays in memory, and the next time only what has changed since is read."""
        if self.version == FIRST:
            return dict(self._database.rows(f"{_NUMBERS} ORDER BY number", {"study_id": study_id}))
        last = self.last_change()
        seen, numbers = self._numbers.get(study_id, (-1, {}))
        if seen < last:
            changed = {"study_id": study_id, "seen": seen}
            for recipe_id, number in self._database.rows(f"{_NUMBERS} AND changed > :seen", changed):
                numbers[recipe_id] = max(number, numbers.get(recipe_id, number))
            self._numbers[study_id] = last, numbers
        return numbers

    def order_of_trials(self, study_ids: Iterable[str]) -> list[str]:
        """The recipe of each trial that came to an end, or is on its way, once as it was asked for and once more as it
        was told."""
        moments: list[tuple[float, int, str]] = []
        for record in (record for study_id in study_ids for record in self.trials(study_id)):
            if record.state != INTERRUPTED:
                moments.append((record.begun_at, record.number, record.recipe_id))
                if record.ended_at is not None:
                    moments.append((record.ended_at, record.number, record.recipe_id))
        return [recipe_id for _, _, recipe_id in sorted(moments)]

    def trials(self, study_id: str) -> list[TrialRecord]:
        rows = self._database.rows(
            "SELECT number, recipe_id, state, reason, begun_at, ended_at FROM search_trials "
            "WHERE study_id = :study_id ORDER BY number",
            {"study_id": study_id},
        )
        return [TrialRecord(*row) for row in rows]
