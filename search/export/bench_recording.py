"""Bench recording: what a bench's processes saw, as a file that `--device replay:FILE` answers from."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

from evaluators.device.device import FirstReference
from evaluators.device.devices.replay import RecordedLook, RecordedRun, write_recording
from evaluators.raw_runs import runs_of
from search.results.discretion import device_for_others, run_for_others
from search.scoring.objectives import Scale
from search.store.goal import Goal
from search.store.reference_fact import reference_fact, scale_fact
from search.store.store import Store
from space.json_text import from_json


def export_recording(path: Path, store: Store, goal: Goal) -> int:
    """How many structures of its bench it holds, beside what looks found. It names neither the board nor whoever else
    was at work there."""
    bench_id = goal.bench_id
    structures = store.raw(bench_id)
    device = replace(store.device(bench_id), reference=_reference(store, goal), trials=_trials(store, goal))
    # The device as it was first met may have got further runtimes since.
    if frameworks := store.frameworks(bench_id):
        device = replace(device, runtimes=(device.runtime, *frameworks.values()))
    write_recording(
        path,
        device_for_others(device),
        chain(
            (
                RecordedRun(structure_id, run_for_others(run))
                for structure_id, raw in structures.items()
                for run in runs_of(raw)
            ),
            (RecordedLook(*looked) for looked in store.relative_latencies(bench_id).items()),
        ),
    )
    return len(structures)


def _trials(store: Store, goal: Goal) -> tuple[str, ...]:
    """The trials of all objectives of such a search."""
    studies = [other.id for other in store.studies() if replace(other, objective=goal.objective) == goal]
    return tuple(store.order_of_trials(studies))


def _reference(store: Store, goal: Goal) -> FirstReference | None:
    """Whoever asks by what was timed here asks for the same again in the same seconds alone."""
    recipe_id = store.fact(reference_fact(goal.bench_id, goal.baseline_id))
    scale = store.fact(scale_fact(goal.bench_id, goal.baseline_id))
    known = store.candidate(recipe_id, goal.baseline_id) if recipe_id and scale else None
    if scale is None or known is None:
        return None
    first = from_json(Scale, scale)
    return FirstReference(known[0].recipe.structure_id, first.latency_s, first.energy_j)
