"""Bench recording: what a bench's processes saw, as a file that `--device replay:FILE` answers from."""

from pathlib import Path

from evaluators.device.devices.replay import RecordedRun, write_recording
from evaluators.raw_runs import runs_of
from search.results.discretion import device_for_others, run_for_others
from search.store.store import Store


def export_recording(path: Path, store: Store, bench_id: str) -> int:
    """How many structures it holds. It names neither the board nor whoever else was at work there."""
    structures = store.raw(bench_id)
    write_recording(
        path,
        device_for_others(store.device(bench_id)),
        (
            RecordedRun(structure_id, run_for_others(run))
            for structure_id, raw in structures.items()
            for run in runs_of(raw)
        ),
    )
    return len(structures)
