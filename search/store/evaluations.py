"""Evaluations: candidates, what was measured and confirmed of them, and why others failed."""

import time

from evaluators.measurement import Accuracy, Figures
from search.store.evaluation import Confirmation, Evaluation
from search.store.goal import Goal
from search.store.part import Part
from space.candidate import Candidate


class Evaluations(Part):
    """Kept by recipe, baseline and bench."""

    def add_candidate(self, candidate: Candidate, baseline_id: str, validation: Accuracy) -> None:
        from search.store.tables import CANDIDATES

        with self._writing() as write:
            values = {"candidate": candidate.to_json(), "validation": validation.to_json(), "changed": write.number}
            first = {
                "structure_id": candidate.recipe.structure_id,
                "built_at": time.time(),
                "sequence": write.number,
            }
            write.put(CANDIDATES, {"recipe_id": candidate.recipe.id, "baseline_id": baseline_id}, values, first)

    def candidate(self, recipe_id: str, baseline_id: str) -> tuple[Candidate, Accuracy] | None:
        """What is built, whether or not it has been measured."""
        rows = self._database.rows(
            "SELECT candidate, validation FROM search_candidates "
            "WHERE recipe_id = :recipe_id AND baseline_id = :baseline_id",
            {"recipe_id": recipe_id, "baseline_id": baseline_id},
        )
        if not rows:
            return None
        candidate, validation = rows[0]
        return Candidate.from_json(candidate, self.candidates), Accuracy.from_json(validation)

    def add_confirmation(
        self, recipe_id: str, baseline_id: str, bench_id: str, confirmation: Confirmation, raw: str
    ) -> None:
        from search.store.tables import CONFIRMATIONS

        with self._writing() as write:
            values = {
                "figures": confirmation.figures.to_json(),
                "test": confirmation.test.to_json(),
                "raw": raw,
                "measured_at": time.time(),
                "changed": write.number,
            }
            keys = {"recipe_id": recipe_id, "baseline_id": baseline_id, "bench_id": bench_id}
            write.put(CONFIRMATIONS, keys, values)

    def add_failure(self, recipe_id: str, baseline_id: str, bench_id: str, reason: str) -> None:
        from search.store.tables import FAILURES

        with self._writing() as write:
            keys = {"recipe_id": recipe_id, "baseline_id": baseline_id, "bench_id": bench_id}
            write.put(FAILURES, keys, {"reason": reason})

    def failures(self, baseline_id: str, bench_id: str) -> dict[str, str]:
        rows = self._database.rows(
            "SELECT recipe_id, reason FROM search_failures WHERE baseline_id = :baseline_id AND bench_id = :bench_id",
            {"baseline_id": baseline_id, "bench_id": bench_id},
        )
        return {str(recipe_id): str(reason) for recipe_id, reason in rows}

    def evaluations(self, baseline_id: str, bench_id: str) -> dict[str, Evaluation]:
        """Everything built from the baseline and measured on the bench, by recipe, in the order of building."""
        return self._read(baseline_id, bench_id)

    def evaluation(self, recipe_id: str, goal: Goal) -> Evaluation | None:
        return self._read(goal.baseline_id, goal.bench_id, "AND c.recipe_id = :recipe_id", recipe_id).get(recipe_id)

    def _read(
        self, baseline_id: str, bench_id: str, condition: str = "", recipe_id: str | None = None
    ) -> dict[str, Evaluation]:
        rows = self._database.rows(
            "SELECT c.recipe_id, c.candidate, c.validation, s.figures, f.figures, f.test FROM search_candidates c "  # noqa: S608
            "JOIN search_structures s ON s.structure_id = c.structure_id AND s.bench_id = :bench_id "
            "LEFT JOIN search_confirmations f ON f.recipe_id = c.recipe_id AND f.baseline_id = c.baseline_id "
            "AND f.bench_id = :bench_id "
            f"WHERE c.baseline_id = :baseline_id {condition} "
            f"ORDER BY {self._words('c.sequence', 'c.built_at')}, c.recipe_id",
            {"baseline_id": baseline_id, "bench_id": bench_id, "recipe_id": recipe_id},
        )
        return {
            str(id): Evaluation(
                candidate=Candidate.from_json(candidate, self.candidates),
                validation=Accuracy.from_json(validation),
                figures=Figures.from_json(figures),
                confirmation=(
                    Confirmation(Figures.from_json(confirmed), Accuracy.from_json(test)) if confirmed else None
                ),
            )
            for id, candidate, validation, figures, confirmed, test in rows
        }
