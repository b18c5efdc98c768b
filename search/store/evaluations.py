"""Evaluations: candidates, what was measured and confirmed of them, and why others failed."""

import time
from collections.abc import Mapping
from dataclasses import replace

from evaluators.measurement import Accuracy, Figures
from search.store.evaluation import Confirmation, Evaluation
from search.store.frameworks import Frameworks, is_current
from search.store.goal import Goal
from space.candidate import Candidate


class Evaluations(Frameworks):
    """Kept by recipe, baseline and bench."""

    def add_candidate(self, candidate: Candidate, baseline_id: str, validation: Accuracy) -> None:
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_candidates (recipe_id, baseline_id, structure_id, candidate, validation, built_at) "
                "VALUES (:recipe_id, :baseline_id, :structure_id, :candidate, :validation, :now) "
                "ON CONFLICT (recipe_id, baseline_id) DO UPDATE SET "
                "candidate = excluded.candidate, validation = excluded.validation",
                {
                    "recipe_id": candidate.recipe.id,
                    "baseline_id": baseline_id,
                    "structure_id": candidate.recipe.structure_id,
                    "candidate": candidate.to_json(),
                    "validation": validation.to_json(),
                    "now": time.time(),
                },
            )

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
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_confirmations (recipe_id, baseline_id, bench_id, figures, test, raw, measured_at) "
                "VALUES (:recipe_id, :baseline_id, :bench_id, :figures, :test, :raw, :now) "
                "ON CONFLICT (recipe_id, baseline_id, bench_id) DO UPDATE SET figures = excluded.figures, "
                "test = excluded.test, raw = excluded.raw, measured_at = excluded.measured_at",
                {
                    "recipe_id": recipe_id,
                    "baseline_id": baseline_id,
                    "bench_id": bench_id,
                    "figures": confirmation.figures.to_json(),
                    "test": confirmation.test.to_json(),
                    "raw": raw,
                    "now": time.time(),
                },
            )

    def add_failure(self, recipe_id: str, baseline_id: str, bench_id: str, reason: str) -> None:
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_failures (recipe_id, baseline_id, bench_id, reason) "
                "VALUES (:recipe_id, :baseline_id, :bench_id, :reason) "
                "ON CONFLICT (recipe_id, baseline_id, bench_id) DO UPDATE SET reason = excluded.reason",
                {"recipe_id": recipe_id, "baseline_id": baseline_id, "bench_id": bench_id, "reason": reason},
            )

    def failures(self, baseline_id: str, bench_id: str) -> dict[str, str]:
        rows = self._database.rows(
            "SELECT recipe_id, reason FROM search_failures WHERE baseline_id = :baseline_id AND bench_id = :bench_id",
            {"baseline_id": baseline_id, "bench_id": bench_id},
        )
        return {str(recipe_id): str(reason) for recipe_id, reason in rows}

    def evaluations(self, baseline_id: str, bench_id: str, recipe_id: str | None = None) -> dict[str, Evaluation]:
        """Everything built from the baseline and measured on the bench, by recipe, in the order of building."""
        frameworks, whole = self.frameworks(bench_id), self._evaluations(baseline_id, bench_id, recipe_id)
        return {
            id: _without_outdated_confirmation(evaluation, frameworks)
            for id, evaluation in whole.items()
            if is_current(evaluation.figures, frameworks)
        }

    def outdated(self, baseline_id: str, bench_id: str) -> list[Evaluation]:
        """What was measured with another version of a runtime than the bench has now."""
        frameworks = self.frameworks(bench_id)
        if not frameworks:
            return []
        whole = self._evaluations(baseline_id, bench_id, None).values()
        return [evaluation for evaluation in whole if not is_current(evaluation.figures, frameworks)]

    def _evaluations(self, baseline_id: str, bench_id: str, recipe_id: str | None) -> dict[str, Evaluation]:
        rows = self._database.rows(
            "SELECT c.recipe_id, c.candidate, c.validation, s.figures, f.figures, f.test FROM search_candidates c "
            "JOIN search_structures s ON s.structure_id = c.structure_id AND s.bench_id = :bench_id "
            "LEFT JOIN search_confirmations f ON f.recipe_id = c.recipe_id AND f.baseline_id = c.baseline_id "
            "AND f.bench_id = :bench_id "
            "WHERE c.baseline_id = :baseline_id AND (:recipe_id IS NULL OR c.recipe_id = :recipe_id) "
            "ORDER BY c.built_at, c.recipe_id",
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

    def evaluation(self, recipe_id: str, goal: Goal) -> Evaluation | None:
        return self.evaluations(goal.baseline_id, goal.bench_id, recipe_id).get(recipe_id)


def _without_outdated_confirmation(evaluation: Evaluation, frameworks: Mapping[str, str]) -> Evaluation:
    confirmation = evaluation.confirmation
    if confirmation is None or is_current(confirmation.figures, frameworks):
        return evaluation
    return replace(evaluation, confirmation=None)
