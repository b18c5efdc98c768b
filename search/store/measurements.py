"""Measurements: what each structure showed on a bench; its processes, and the traces of its meter."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from evaluators.device.device import ProcessRun
from evaluators.measurement import Figures
from search.store.frameworks import Frameworks, is_current
from search.store.outlines import Outline
from search.store.part import lasting
from search.store.reference_fact import reference_fact

if TYPE_CHECKING:
    from evaluators.measured import Measured


# Processes of a structure's first measurement that are kept when it is measured again.
FIRST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Begun:
    """How the database was when a measurement was begun: the last transaction, and the recipe that is the reference."""

    seen: int
    baseline_id: str
    reference_id: str | None


class Measurements(Frameworks):
    """Measurements, kept by structure and bench: recipes of one structure share its measurement."""

    @lasting
    def add_structure(
        self,
        structure_id: str,
        bench_id: str,
        figures: Figures,
        raw: str,
        traces: Sequence[str] = (),
        outline: Outline | None = None,
    ) -> None:
        """`traces`: of the loads that the figures rest on, kept with them or not at all, as the outline is."""
        from search.store.tables import STRUCTURES

        with self._writing() as write:
            measured = {"figures": figures.to_json(), "raw": raw, "measured_at": time.time(), "changed": write.number}
            write.put(STRUCTURES, {"structure_id": structure_id, "bench_id": bench_id}, measured)
            write.add_traces(structure_id, bench_id, traces)
            if outline is not None:
                outline.put(write, structure_id, bench_id)

    def add_measured(
        self, structure_id: str, bench_id: str, measured: "Measured", outline: Outline | None = None
    ) -> None:
        """The figures are those measured last; the first processes stay beside the last ones, so that a recording
        answers as the bench did."""
        self._add_runs(structure_id, bench_id, measured.figures, measured.runs, measured.traces, outline)

    def _add_runs(
        self,
        structure_id: str,
        bench_id: str,
        figures: Figures,
        runs: tuple[ProcessRun, ...],
        traces: Sequence[str],
        outline: Outline | None,
    ) -> None:
        # The import brings asyncio, which the reading commands do without.
        from evaluators.raw_runs import text_of

        earlier = [run for run in self.runs(structure_id, bench_id) if run not in runs]
        raw = text_of((*earlier[:FIRST_RUNS], *runs))
        self.add_structure(structure_id, bench_id, figures, raw, traces, outline)
        self.drop_measured(structure_id, bench_id)

    def begun(self, bench_id: str, baseline_id: str) -> Begun:
        return Begun(self.last_change(), baseline_id, self.fact(reference_fact(bench_id, baseline_id)))

    def keep_measured(
        self, structure_id: str, bench_id: str, measured: "Measured", begun: Begun, outline: Outline | None = None
    ) -> None:
        """Keeps a measurement on disk until it is added or dropped."""
        content = {"figures": measured.figures.to_json(), "raw": measured.raw, "traces": measured.traces}
        keys = {"structure_id": structure_id, "bench_id": bench_id}
        drawn = {"outline": asdict(outline)} if outline else {}
        self._pending.keep(_file_of(structure_id, bench_id), {**content, **keys, **asdict(begun), **drawn})

    def drop_measured(self, structure_id: str, bench_id: str) -> None:
        self._pending.done(_file_of(structure_id, bench_id))

    def tell_measured(self, content: Mapping[str, Any]) -> None:
        """What was kept, unless somebody has measured the structure since it was begun, or the bench has another
        reference by now, over which it says nothing."""
        from evaluators.raw_runs import runs_of

        structure_id, bench_id = content["structure_id"], content["bench_id"]
        rows = self._database.rows(
            "SELECT changed FROM search_structures WHERE structure_id = :structure_id AND bench_id = :bench_id",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        figures, known = Figures.from_json(content["figures"]), self.structure(structure_id, bench_id)
        # Clean figures are not replaced by disturbed ones.
        stays = known is not None and not known.dirty and figures.dirty
        over = reference_fact(bench_id, content["baseline_id"])
        stays = stays or self.fact(over) != content["reference_id"]
        if not stays and (not rows or rows[0][0] <= content["seen"]):
            outline = Outline(**content["outline"]) if "outline" in content else None
            self._add_runs(structure_id, bench_id, figures, runs_of(content["raw"]), content["traces"], outline)

    def traces(self, structure_id: str, bench_id: str) -> list[str]:
        """The oldest first."""
        rows = self._database.rows(
            "SELECT trace FROM search_traces WHERE structure_id = :structure_id AND bench_id = :bench_id "  # noqa: S608
            f"ORDER BY {self._words('sequence', 'taken_at')}",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        return [str(trace) for (trace,) in rows]

    def structure(self, structure_id: str, bench_id: str) -> Figures | None:
        name = ("structure", structure_id, bench_id)
        return self._known.of(
            name, {"search_structures", "search_facts"}, lambda: self._structure(structure_id, bench_id)
        )

    def _structure(self, structure_id: str, bench_id: str) -> Figures | None:
        rows = self._database.rows(
            "SELECT figures FROM search_structures WHERE structure_id = :structure_id AND bench_id = :bench_id",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        with self._reading(f"structure {structure_id}"):
            figures = Figures.from_json(rows[0][0]) if rows else None
        return figures if figures and is_current(figures, self.frameworks(bench_id)) else None

    def runs(self, structure_id: str, bench_id: str) -> tuple[ProcessRun, ...]:
        # The import brings asyncio, which the reading commands do without.
        from evaluators.raw_runs import runs_of

        rows = self._database.rows(
            "SELECT raw FROM search_structures WHERE structure_id = :structure_id AND bench_id = :bench_id",
            {"structure_id": structure_id, "bench_id": bench_id},
        )
        if self.frameworks(bench_id) and self.structure(structure_id, bench_id) is None:
            return ()
        with self._reading(f"the processes of structure {structure_id}"):
            return runs_of(rows[0][0]) if rows else ()

    def raw(self, bench_id: str) -> dict[str, str]:
        """What the processes saw, by structure."""
        rows = self._database.rows(
            "SELECT structure_id, raw FROM search_structures WHERE bench_id = :bench_id "  # noqa: S608
            f"ORDER BY {self._words('changed', 'measured_at')}",
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

    def convert_reference(self, bench_id: str, latency: float, energy: float) -> None:
        """The bench has another reference, so many times as slow and as costly as the former one."""
        from sqlalchemy import update

        # The import brings asyncio, which the reading commands do without.
        from evaluators.raw_runs import converted_runs
        from search.store.tables import CONFIRMATIONS, OUTLINES, STRUCTURES

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

        with self._writing() as write:
            changed = {"changed": write.number}
            for content, raw, structure_id in structures:
                # The structure's processes count with further ones, and are replayed.
                values = {"figures": converted(content), "raw": converted_runs(raw, latency, energy), **changed}
                write.change(STRUCTURES, {"structure_id": structure_id, "bench_id": bench_id}, values)
            # The latencies of looks are shares of the reference's latency.
            write.connection.execute(
                update(OUTLINES).where(OUTLINES.c.bench_id == bench_id).values(latency=OUTLINES.c.latency / latency)
            )
            for content, recipe_id, baseline_id in confirmations:
                keys = {"recipe_id": recipe_id, "baseline_id": baseline_id, "bench_id": bench_id}
                write.change(CONFIRMATIONS, keys, {"figures": converted(content), **changed})


def _file_of(structure_id: str, bench_id: str) -> str:
    return f"measured-{structure_id}-{bench_id}"
