"""Bench recording: what a bench's processes saw, as a file that `--device replay:FILE` answers from."""

from dataclasses import replace
from pathlib import Path

from evaluators.device.devices.replay import RecordedRun, write_recording
from evaluators.raw_runs import runs_of
from search.results.discretion import device_for_others, run_for_others
from search.store.store import Store


def export_recording(path: Path, store: Store, bench_id: str) -> int:
    """How many structures it holds. It names neither the board nor whoever else was at work there."""
    structures = store.raw(bench_id)
    device = store.device(bench_id)
    # The device as it was first met may have got further runtimes since.
    if frameworks := store.frameworks(bench_id):
        device = replace(device, runtimes=(device.runtime, *frameworks.values()))
    write_recording(
        path,
        device_for_others(device),
        (
            RecordedRun(structure_id, run_for_others(run))
            for structure_id, raw in structures.items()
            for run in runs_of(raw)
        ),
    )
    return len(structures)
