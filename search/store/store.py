"""The store: a folder with the database and the candidates' files. Evaluations are kept here, and are the truth.

Each write is one transaction, so a process killed at any moment leaves nothing half done. Reading needs neither
Optuna nor torch.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.bench import Bench
from evaluators.device.device import DeviceInfo, ProcessRun
from evaluators.measurement import Accuracy, Figures
from search.store.database import StoreError, open_database, without_password
from search.store.evaluation import Confirmation, Evaluation
from search.store.goal import Goal
from space.candidate import Candidate
from space.errors import RequestError

if TYPE_CHECKING:
    from evaluators.measured import Measured

# Optuna's tables, in the same database, are called studies, trials and the like.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS search_facts (
    name VARCHAR(100) PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS search_benches (
    id VARCHAR(20) PRIMARY KEY, content TEXT NOT NULL, device TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS search_candidates (
    recipe_id VARCHAR(20) NOT NULL, baseline_id VARCHAR(20) NOT NULL, structure_id VARCHAR(20) NOT NULL,
    candidate TEXT NOT NULL, validation TEXT NOT NULL, built_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recipe_id, baseline_id));
CREATE TABLE IF NOT EXISTS search_failures (
    recipe_id VARCHAR(20) NOT NULL, baseline_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (recipe_id, baseline_id, bench_id));
CREATE TABLE IF NOT EXISTS search_structures (
    structure_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL, figures TEXT NOT NULL, raw TEXT NOT NULL,
    measured_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (structure_id, bench_id));
CREATE TABLE IF NOT EXISTS search_confirmations (
    recipe_id VARCHAR(20) NOT NULL, baseline_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL,
    figures TEXT NOT NULL, test TEXT NOT NULL, raw TEXT NOT NULL, measured_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recipe_id, baseline_id, bench_id));
CREATE TABLE IF NOT EXISTS search_studies (
    id VARCHAR(100) PRIMARY KEY, content TEXT NOT NULL, used_at DOUBLE PRECISION NOT NULL);
CREATE TABLE IF NOT EXISTS search_trials (
    study_id VARCHAR(100) NOT NULL, number INTEGER NOT NULL, recipe_id VARCHAR(20) NOT NULL,
    state VARCHAR(20) NOT NULL, reason TEXT NOT NULL, begun_at DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION, PRIMARY KEY (study_id, number));
CREATE TABLE IF NOT EXISTS search_traces (
    structure_id VARCHAR(20) NOT NULL, bench_id VARCHAR(20) NOT NULL, taken_at DOUBLE PRECISION NOT NULL,
    trace TEXT NOT NULL);
"""

RUNNING, COMPLETE, FAILED, INTERRUPTED = "running", "complete", "failed", "interrupted"
# Measured and not trained: it could not win.
GATED = "gated"


# Processes of a structure's first measurement that are kept when it is measured again.
FIRST_RUNS = 3


@dataclass(frozen=True, slots=True)
class TrialRecord:
    number: int
    recipe_id: str
    state: str
    reason: str
    begun_at: float
    ended_at: float | None


class Store:
    def __init__(self, folder: Path, storage: str | None = None) -> None:
        self.folder = folder
        self.url = storage or f"sqlite:///{folder.absolute() / 'search.db'}"
        self._database = open_database(self.url)

    @classmethod
    def create(cls, folder: Path, storage: str | None = None) -> "Store":
        """For writing: makes what is missing; take the lock first."""
        store = cls(folder, storage)
        with store._database.transaction() as execute:
            for statement in _SCHEMA.split(";"):
                if statement.strip():
                    execute(statement, {})
        return store

    @classmethod
    def existing(cls, folder: Path, storage: str | None = None) -> "Store":
        """For reading; a store that is not there is not made."""
        store = cls.found(folder, storage)
        if store is None:
            raise RequestError(f"--store {folder} holds no study yet; `python -m search` begins one")
        return store

    @classmethod
    def found(cls, folder: Path, storage: str | None = None) -> "Store | None":
        store = cls(folder, storage)
        return store if store.prepared() else None

    def prepared(self) -> bool:
        """Whether our tables are there: a process may have been killed before it made them."""
        return self._database.has_table("search_facts")

    @property
    def candidates(self) -> Path:
        return self.folder / "candidates"

    @property
    def artifacts(self) -> Path:
        """Links to their files, for optuna-dashboard."""
        return self.folder / "artifacts"

    # Facts: single values, by name.

    def fact(self, name: str) -> str | None:
        rows = self._database.rows("SELECT value FROM search_facts WHERE name = :name", {"name": name})
        return str(rows[0][0]) if rows else None

    def remember(self, name: str, value: str) -> None:
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_facts (name, value) VALUES (:name, :value) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                {"name": name, "value": value},
            )

    # Benches and studies.

    def add_bench(self, bench: Bench, device: DeviceInfo) -> None:
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_benches (id, content, device) VALUES (:id, :content, :device) "
                "ON CONFLICT (id) DO NOTHING",
                {"id": bench.id, "content": bench.to_json(), "device": json.dumps(asdict(device))},
            )

    def device(self, bench_id: str) -> DeviceInfo:
        """What the bench's device said of itself."""
        rows = self._database.rows("SELECT device FROM search_benches WHERE id = :id", {"id": bench_id})
        values = json.loads(rows[0][0])
        return DeviceInfo(**{**values, "providers": tuple(values["providers"])})

    def bench(self, id: str) -> Bench:
        return Bench.from_json(
            self._database.rows("SELECT content FROM search_benches WHERE id = :id", {"id": id})[0][0]
        )

    def use_study(self, goal: Goal) -> None:
        """Adds it, or says that it was used now: the latest of an objective is the one that `rank` shows."""
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_studies (id, content, used_at) VALUES (:id, :content, :now) "
                "ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at",
                {"id": goal.id, "content": goal.to_json(), "now": time.time()},
            )

    def studies(self) -> list[Goal]:
        """The latest used first."""
        rows = self._database.rows("SELECT content FROM search_studies ORDER BY used_at DESC")
        return [Goal.from_json(content) for (content,) in rows]

    # Candidates and what is measured of them.

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

    def add_structure(self, structure_id: str, bench_id: str, figures: Figures, raw: str) -> None:
        with self._database.transaction() as execute:
            execute(
                "INSERT INTO search_structures (structure_id, bench_id, figures, raw, measured_at) "
                "VALUES (:structure_id, :bench_id, :figures, :raw, :now) "
                "ON CONFLICT (structure_id, bench_id) DO UPDATE SET "
                "figures = excluded.figures, raw = excluded.raw, measured_at = excluded.measured_at",
                {
                    "structure_id": structure_id,
                    "bench_id": bench_id,
                    "figures": figures.to_json(),
                    "raw": raw,
                    "now": time.time(),
                },
            )

    def add_measured(self, structure_id: str, bench_id: str, measured: "Measured") -> None:
        """The figures are those measured last; of the processes the first ones stay too, so that a recording answers
        as the bench did."""
        # Brings asyncio, which the reading commands do without.
        from evaluators.raw_runs import text_of

        earlier = [run for run in self.runs(structure_id, bench_id) if run not in measured.runs]
        raw = text_of((*earlier[:FIRST_RUNS], *measured.runs))
        self.add_structure(structure_id, bench_id, measured.figures, raw)
        self.add_traces(structure_id, bench_id, measured.traces)

    def add_traces(self, structure_id: str, bench_id: str, traces: Sequence[str]) -> None:
        """Every load there was, confirmed or not."""
        with self._database.transaction() as execute:
            for trace in traces:
                execute(
                    "INSERT INTO search_traces (structure_id, bench_id, taken_at, trace) "
                    "VALUES (:structure_id, :bench_id, :now, :trace)",
                    {"structure_id": structure_id, "bench_id": bench_id, "now": time.time(), "trace": trace},
                )

    def traces(self, structure_id: str, bench_id: str) -> list[str]:
        """The oldest first."""
        rows = self._database.rows(
            "SELECT trace FROM search_traces WHERE structure_id = :structure_id AND bench_id = :bench_id "
            "ORDER BY taken_at",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        return [str(trace) for (trace,) in rows]

    def structure(self, structure_id: str, bench_id: str) -> Figures | None:
        rows = self._database.rows(
            "SELECT figures FROM search_structures WHERE structure_id = :structure_id AND bench_id = :bench_id",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        return Figures.from_json(rows[0][0]) if rows else None

    def runs(self, structure_id: str, bench_id: str) -> tuple[ProcessRun, ...]:
        # Brings asyncio, which the reading commands do without.
        from evaluators.raw_runs import runs_of

        rows = self._database.rows(
            "SELECT raw FROM search_structures WHERE structure_id = :structure_id AND bench_id = :bench_id",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        try:
            return runs_of(rows[0][0]) if rows else ()
        except ValueError as error:
            raise StoreError(
                f"{without_password(self.url)}: what {structure_id} was timed at is damaged: {error}"
            ) from error

    def raw(self, bench_id: str) -> dict[str, str]:
        """What the processes saw, by structure."""
        rows = self._database.rows(
            "SELECT structure_id, raw FROM search_structures WHERE bench_id = :bench_id ORDER BY measured_at",
            {"bench_id": bench_id},
        )
        return {str(structure_id): str(raw) for structure_id, raw in rows}

    def measured_between(self, bench_id: str) -> tuple[float, float] | None:
        """When the bench was at work, as Unix times: its first measurement and its last."""
        rows = self._database.rows(
            "SELECT MIN(measured_at), MAX(measured_at) FROM (SELECT measured_at FROM search_structures "
            "WHERE bench_id = :bench_id UNION ALL SELECT measured_at FROM search_confirmations "
            "WHERE bench_id = :bench_id) AS moments",
            {"bench_id": bench_id},
        )
        first, last = rows[0]
        return None if first is None else (float(first), float(last))

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

    def convert_reference(self, bench_id: str, latency: float, energy: float) -> None:
        """The bench has another reference, so many times as slow and as costly as the former one."""
        # Brings asyncio, which the reading commands do without.
        from evaluators.raw_runs import converted_runs

        structures = self._database.rows(
            "SELECT figures, raw, structure_id FROM search_structures WHERE bench_id = :bench_id",
            {"bench_id": bench_id},
        )
        confirmations = self._database.rows(
            "SELECT figures, recipe_id, baseline_id FROM search_confirmations WHERE bench_id = :bench_id",
            {"bench_id": bench_id},
        )

        def converted(content: str) -> str:
            return Figures.from_json(content).over_another(latency, energy).to_json()

        with self._database.transaction() as execute:
            for content, raw, structure_id in structures:
                execute(
                    "UPDATE search_structures SET figures = :figures, raw = :raw "
                    "WHERE structure_id = :structure_id AND bench_id = :bench_id",
                    {
                        "figures": converted(content),
                        # Its processes count with further ones, and are replayed.
                        "raw": converted_runs(raw, latency, energy),
                        "structure_id": structure_id,
                        "bench_id": bench_id,
                    },
                )
            for content, recipe_id, baseline_id in confirmations:
                execute(
                    "UPDATE search_confirmations SET figures = :figures "
                    "WHERE recipe_id = :recipe_id AND baseline_id = :baseline_id AND bench_id = :bench_id",
                    {
                        "figures": converted(content),
                        "recipe_id": recipe_id,
                        "baseline_id": baseline_id,
                        "bench_id": bench_id,
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

    # Trials: which recipe a study asked for, and what became of it.

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
