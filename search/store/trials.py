"""Trials: which recipe a study asked for, and what became of it."""

import time
from dataclasses import dataclass

from search.store.part import Part

RUNNING, COMPLETE, FAILED, INTERRUPTED = "running", "complete", "failed", "interrupted"
# Measured and not trained: it could not win.
GATED = "gated"


@dataclass(frozen=True, slots=True)
class TrialRecord:
    number: int
    recipe_id: str
    state: str
    reason: str
    # Unix times.
    begun_at: float
    ended_at: float | None


class Trials(Part):
    """Kept by study and number."""

    def begin_trial(self, study_id: str, number: int, recipe_id: str) -> None:
        from search.store.tables import TRIALS

        begun = {"recipe_id": recipe_id, "state": RUNNING, "reason": "", "begun_at": time.time(), "owner": self._owner}
        with self._writing() as write:
            write.put(TRIALS, {"study_id": study_id, "number": number}, {}, first=begun)

    def end_trial(self, study_id: str, number: int, state: str, reason: str = "") -> None:
        from search.store.tables import TRIALS

        ended = {"state": state, "reason": reason, "ended_at": time.time(), "owner": None}
        with self._writing() as write:
            write.change(TRIALS, {"study_id": study_id, "number": number}, ended)

    def numbers(self, study_id: str) -> dict[str, int]:
        """The number of the last trial of each recipe."""
        rows = self._database.rows(
            "SELECT recipe_id, number FROM search_trials WHERE study_id = :study_id ORDER BY number",
            {"study_id": study_id},
        )
        return dict(rows)

    def trials(self, study_id: str) -> list[TrialRecord]:
        rows = self._database.rows(
            "SELECT number, recipe_id, state, reason, begun_at, ended_at FROM search_trials "
            "WHERE study_id = :study_id ORDER BY number",
            {"study_id": study_id},
        )
        return [TrialRecord(*row) for row in rows]
