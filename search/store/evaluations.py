"""Evaluations: candidates, what was measured and confirmed of them, and why others failed."""

import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluators.measurement import Accuracy, Figures
from search.store.database import Parameters
from search.store.evaluation import Confirmation, Evaluation
from search.store.frameworks import Frameworks, is_current
from search.store.goal import Goal
from search.store.part import lasting
from search.store.pool import Placed, Pool
from search.store.version import FIRST, WITH_CLAIMS
from space.candidate import Candidate

# What was written since: by indexes, as a table is read whole where a condition says "or".
_CHANGED = (
    "AND c.recipe_id IN (SELECT recipe_id FROM search_candidates WHERE changed > :seen UNION "
    "SELECT d.recipe_id FROM search_structures t JOIN search_candidates d ON d.structure_id = t.structure_id "
    "WHERE t.changed > :seen AND t.bench_id = :bench_id UNION "
    "SELECT recipe_id FROM search_confirmations WHERE changed > :seen)"
)

_OF_EVALUATIONS = frozenset({"search_candidates", "search_structures", "search_confirmations"})


class Evaluations(Frameworks):
    """Evaluations, kept by recipe, baseline and bench."""

    def __init__(self, folder: Path, storage: str | None = None) -> None:
        super().__init__(folder, storage)
        self._pools: dict[tuple[str, str], Pool] = {}

    @lasting
    def add_candidate(self, candidate: Candidate, baseline_id: str, validation: Accuracy) -> None:
        from search.store.tables import CANDIDATES

        with self._writing() as write:
            values = {"candidate": candidate.to_json(), "validation": validation.to_json(), "changed": write.number}
            first = {
                "structure_id": candidate.recipe.structure_id,
                "built_at": time.time(),
                "sequence": write.number,
            }
            values |= {"host": socket.gethostname(), "folder": str(self.folder.absolute())}
            write.put(CANDIDATES, {"recipe_id": candidate.recipe.id, "baseline_id": baseline_id}, values, first)

        self._pending.done(_file_of(candidate.recipe.id, baseline_id))

    def keep_candidate(self, candidate: Candidate, baseline_id: str, validation: Accuracy, seen: int) -> None:
        """Keeps a candidate on disk until it is added; `seen`: the last transaction when it was begun."""
        content = {"candidate": candidate.to_json(), "validation": validation.to_json(), "seen": seen}
        self._pending.keep(_file_of(candidate.recipe.id, baseline_id), {**content, "baseline_id": baseline_id})

    def tell_candidate(self, content: Mapping[str, Any]) -> None:
        """Adds a candidate that was kept, unless somebody has added it since it was begun."""
        candidate = Candidate.from_json(content["candidate"], self.candidates)
        rows = self._database.rows(
            "SELECT changed FROM search_candidates WHERE recipe_id = :recipe_id AND baseline_id = :baseline_id",
            {"recipe_id": candidate.recipe.id, "baseline_id": content["baseline_id"]},
        )
        if not rows or rows[0][0] <= content["seen"]:
            self.add_candidate(candidate, content["baseline_id"], Accuracy.from_json(content["validation"]))

    def place(self, recipe_id: str, baseline_id: str) -> tuple[str, Path] | None:
        """Where the candidate's file lies: a machine's name, and the store's folder there; None where nobody says."""
        if self.version is None or self.version < WITH_CLAIMS:
            return None
        rows = self._database.rows(
            "SELECT host, folder FROM search_candidates WHERE recipe_id = :recipe_id AND baseline_id = :baseline_id",
            {"recipe_id": recipe_id, "baseline_id": baseline_id},
        )
        return (str(rows[0][0]), Path(rows[0][1])) if rows and rows[0][0] else None

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
        with self._reading(f"recipe {recipe_id}"):
            return Candidate.from_json(candidate, self.candidates), Accuracy.from_json(validation)

    def trainings(self, most: int = 1000) -> list[tuple[str, Candidate, Accuracy]]:
        """The latest candidates of all baselines, each after that baseline's id, in the order of building."""
        sequence = self._words("sequence", "built_at")
        rows = self._database.rows(
            f"SELECT baseline_id, recipe_id, candidate, validation FROM search_candidates ORDER BY {sequence} DESC "  # noqa: S608
            "LIMIT :most",
            {"most": most},
        )
        trainings = []
        for baseline_id, recipe_id, candidate, validation in reversed(rows):
            with self._reading(f"recipe {recipe_id}"):
                trained = Candidate.from_json(candidate, self.candidates), Accuracy.from_json(validation)
                trainings.append((str(baseline_id), *trained))
        return trainings

    @lasting
    def add_confirmation(
        self,
        recipe_id: str,
        baseline_id: str,
        bench_id: str,
        confirmation: Confirmation,
        raw: str,
        traces: Iterable[str] = (),
    ) -> None:
        """`traces`: of all the loads that it took, kept with it or not at all."""
        from sqlalchemy import select

        from search.store.tables import CANDIDATES, CONFIRMATIONS

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
            structures = select(CANDIDATES.c.structure_id).where(
                CANDIDATES.c.recipe_id == recipe_id, CANDIDATES.c.baseline_id == baseline_id
            )
            for (structure_id,) in write.connection.execute(structures).all():
                write.add_traces(structure_id, bench_id, traces)

    @lasting
    def add_failure(self, recipe_id: str, baseline_id: str, bench_id: str, reason: str) -> None:
        from search.store.tables import FAILURES

        with self._writing() as write:
            keys = {"recipe_id": recipe_id, "baseline_id": baseline_id, "bench_id": bench_id}
            write.put(FAILURES, keys, {"reason": reason})

    def failures(self, baseline_id: str, bench_id: str) -> dict[str, str]:
        name = ("failures", baseline_id, bench_id)
        return self._known.of(name, {"search_failures"}, lambda: self._failures(baseline_id, bench_id))

    def _failures(self, baseline_id: str, bench_id: str) -> dict[str, str]:
        rows = self._database.rows(
            "SELECT recipe_id, reason FROM search_failures WHERE baseline_id = :baseline_id AND bench_id = :bench_id",
            {"baseline_id": baseline_id, "bench_id": bench_id},
        )
        return {str(recipe_id): str(reason) for recipe_id, reason in rows}

    def evaluations(self, baseline_id: str, bench_id: str) -> dict[str, Evaluation]:
        """Everything built from the baseline and measured on the bench with the runtimes that it has now, by recipe, in
        the order of building."""
        frameworks, whole = self.frameworks(bench_id), self._whole(baseline_id, bench_id)
        if not frameworks:
            return whole
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
        whole = self._whole(baseline_id, bench_id).values()
        return [evaluation for evaluation in whole if not is_current(evaluation.figures, frameworks)]

    def evaluation(self, recipe_id: str, goal: Goal) -> Evaluation | None:
        """The evaluation; None also for what was measured with another version of its runtime than the bench has
        now."""
        condition = "AND c.recipe_id = :recipe_id"
        rows = self._read(goal.baseline_id, goal.bench_id, condition, {"recipe_id": recipe_id})
        if not rows:
            return None
        evaluation, frameworks = rows[0][1], self.frameworks(goal.bench_id)
        if not is_current(evaluation.figures, frameworks):
            return None
        return _without_outdated_confirmation(evaluation, frameworks)

    def _whole(self, baseline_id: str, bench_id: str) -> dict[str, Evaluation]:
        """What was read stays in memory, and the next time only what has changed since is read."""
        if self.version == FIRST:
            return {evaluation.recipe_id: evaluation for _, evaluation in self._read(baseline_id, bench_id)}
        name = ("evaluations", baseline_id, bench_id)
        pool = self._known.of(name, _OF_EVALUATIONS, lambda: self._read_on(baseline_id, bench_id))
        return dict(pool.evaluations)

    def _read_on(self, baseline_id: str, bench_id: str) -> Pool:
        pool = self._pools.setdefault((baseline_id, bench_id), Pool())
        last = self.last_change()
        if pool.read_up_to < last:
            changed = {"seen": pool.read_up_to, "bench_id": bench_id}
            pool.add(self._read(baseline_id, bench_id, _CHANGED if pool.read_up_to else "", changed), last)
        return pool

    def _read(
        self,
        baseline_id: str,
        bench_id: str,
        condition: str = "",
        parameters: Parameters = {},  # noqa: B006
    ) -> list[Placed]:
        sequence = self._words("c.sequence", "c.built_at")
        rows = self._database.rows(
            f"SELECT {sequence}, c.recipe_id, c.structure_id, c.candidate, c.validation, s.figures, f.figures, f.test "  # noqa: S608
            "FROM search_candidates c "
            "JOIN search_structures s ON s.structure_id = c.structure_id AND s.bench_id = :bench_id "
            "LEFT JOIN search_confirmations f ON f.recipe_id = c.recipe_id AND f.baseline_id = c.baseline_id "
            "AND f.bench_id = :bench_id "
            f"WHERE c.baseline_id = :baseline_id {condition} "
            f"ORDER BY {sequence}, c.recipe_id",
            {"baseline_id": baseline_id, "bench_id": bench_id, **parameters},
        )
        placed = []
        for sequence, recipe_id, *columns in rows:
            with self._reading(f"recipe {recipe_id}"):
                placed.append((sequence, self._evaluation(recipe_id, *columns)))
        return placed

    def _evaluation(
        self,
        recipe_id: str,
        structure_id: str,
        candidate: str,
        validation: str,
        figures: str,
        confirmed: str | None,
        test: str | None,
    ) -> Evaluation:
        return Evaluation.stored(
            recipe_id,
            structure_id,
            candidate=Candidate.from_json(candidate, self.candidates),
            validation=Accuracy.from_json(validation),
            figures=Figures.from_json(figures),
            confirmation=Confirmation(Figures.from_json(confirmed), Accuracy.from_json(test))
            if confirmed and test
            else None,
        )


def _file_of(recipe_id: str, baseline_id: str) -> str:
    return f"candidate-{recipe_id}-{baseline_id}"


def _without_outdated_confirmation(evaluation: Evaluation, frameworks: Mapping[str, str]) -> Evaluation:
    confirmation = evaluation.confirmation
    if confirmation is None or is_current(confirmation.figures, frameworks):
        return evaluation
    return replace(evaluation, confirmation=None)
