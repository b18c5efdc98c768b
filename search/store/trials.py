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
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_trials (study_id, number, recipe_id, state, reason, begun_at, ended_at) "
                "VALUES (:study_id, :number, :recipe_id, :state, '', :now, NULL) "
                "ON CONFLICT (study_id, number) DO NOTHING",
                {
                    "study_id": study_id,
                    "number": number,
                    "recipe_id": recipe_id,
                    "state": RUNNING,
                    "now": time.time(),
                },
            )

    def end_trial(self, study_id: str, number: int, state: str, reason: str = "") -> None:
        with self._database.transaction() as execute:
            execute(
                "UPDATE search_trials SET state = :state, reason = :reason, ended_at = :now "
                "WHERE study_id = :study_id AND number = :number",
                {"study_id": study_id, "number": number, "state": state, "reason": reason, "now": time.time()},
            )

    def trials(self, study_id: str) -> list[TrialRecord]:
        rows = self._database.rows(
            "SELECT number, recipe_id, state, reason, begun_at, ended_at FROM search_trials "
            "WHERE study_id = :study_id ORDER BY number",
            {"study_id": study_id},
        )
        return [TrialRecord(*row) for row in rows]
