"""A search on this machine, recorded as another machine's, and run again from the recording."""

import json
import subprocess
import sys
from pathlib import Path

from search.commands.exit_status import OK
from search.store.store import Store
from tests.search.whole import ROOT, command, environment, finished


def with_extras() -> dict[str, str]:
    """Not the environment that pretends that an extra is missing."""
    return {**environment(), "PYTHONPATH": str(ROOT)}


def recorded(store: Path, recording: Path, search: tuple[str, ...], trials: int) -> Path:
    """Measurements of as many structures as such a search asks for, as another machine's."""
    completed = finished(*search, "--store", store, "--trials", trials)
    assert completed.returncode == OK, completed.stderr
    assert finished("export", "--to", recording, "--store", store).returncode == OK
    first, *rows = recording.read_text().splitlines()
    recording.write_text("\n".join([json.dumps({**json.loads(first), "on_this_machine": False}), *rows, ""]))
    return recording


def trials_of(folder: Path, recording: Path, *words: object) -> list[tuple[object, ...]]:
    """What a run asks for, in a new store in the place of this one, and what becomes of it."""
    goal = Store.existing(folder).studies()[0]
    for path in folder.glob("search.db*"):
        path.unlink()
    again = Store.create(folder)
    again.remember(f"baseline {goal.fingerprint}", goal.baseline_id)
    typed = command(*words, "--store", folder, "--device", f"replay:{recording}")
    completed = subprocess.run(typed, cwd=ROOT, env=with_extras(), capture_output=True, text=True)
    print(completed.stderr, file=sys.stderr, flush=True)
    assert completed.returncode == OK, completed.stderr
    study = again.studies()[0]
    evaluated = again.evaluations(study.baseline_id, study.bench_id)
    return [
        (trial.recipe_id, trial.state, result and result.validation.share, result and result.figures.latency_s)
        for trial in again.trials(study.id)
        for result in [evaluated.get(trial.recipe_id)]
    ]
