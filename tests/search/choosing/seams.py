"""A study killed at each seam between Optuna and the store, and gone on with: what both say then, a JSON line each.

A process of its own, which has one thread: it forks whoever is to be killed.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import optuna
from optuna.trial import TrialState

from search.choosing.optuna_study import OptunaStudy
from search.choosing.study import Study
from search.choosing.trial_notes import GATED_BY
from search.store.store import Store
from tests.search.choosing.test_study import judged, opened
from tests.search.made_up import GOAL, figures, store_with

# Who is killed, before or after which call of it; and whether the trial is one that is gated.
SEAMS = [
    (owner, method, when, gated)
    for owner, method in (
        (Store, "begin_trial"),
        (Store, "add_structure"),
        (Store, "add_candidate"),
        (OptunaStudy, "begin"),
        (OptunaStudy, "choose"),
        (OptunaStudy, "tell"),
        (Store, "end_trial"),
    )
    for when in ("before", "after")
    for gated in (False, True)
    if not (gated and method == "add_candidate")
]


def trial(study: Study, store: Store, gated: bool = False) -> str:
    """Carries a trial out as the pipeline does."""
    asked = study.ask()
    result = judged(asked.recipe)
    store.add_structure(asked.recipe.structure_id, GOAL.bench_id, result.figures, "")
    if gated:
        study.tell_gated(asked.number, figures(9.0), "it could not win")
    else:
        store.add_candidate(result.candidate, GOAL.baseline_id, result.validation)
        study.tell(asked.number, result)
    return asked.recipe.id


def killed(folder: Path, owner: type, method: str, when: str, gated: bool) -> None:
    store = Store.existing(folder)
    study = opened(store)
    trial(study, store)
    whole = getattr(owner, method)

    def cut(*words: object, **named: object) -> object:
        if when == "after":
            whole(*words, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(owner, method, cut)
    trial(study, store, gated)


def outcome(folder: Path) -> dict[str, object]:
    """After two more trials in a process that lives on."""
    store = Store.existing(folder)
    study = opened(store)
    for _ in range(2):
        trial(study, store)
    trials = optuna.load_study(study_name=GOAL.id, storage=store.url).get_trials(deepcopy=False)
    evaluated = store.evaluations(GOAL.baseline_id, GOAL.bench_id)
    return {
        "optuna": [
            "gated"
            if GATED_BY in frozen.user_attrs and frozen.state == TrialState.COMPLETE
            else frozen.state.name.lower()
            for frozen in trials
        ],
        "store": {record.number: record.state for record in store.trials(GOAL.id)},
        # Our table has no row for a trial in which nothing was chosen before the kill.
        "empty": [frozen.number for frozen in trials if not frozen.params],
        "recipes": [frozen.user_attrs.get("recipe") for frozen in trials if frozen.state == TrialState.COMPLETE],
        "evaluated": list(evaluated),
    }


def main() -> None:
    # One with an empty study is copied: making Optuna's tables takes longer than all that follows.
    empty = Path(sys.argv[1]) / "empty"
    opened(store_with(empty, []))
    for owner, method, when, gated in SEAMS:
        name = f"{when} {owner.__name__}.{method}{' of a gated one' if gated else ''}"
        folder = Path(sys.argv[1]) / name.replace(" ", "-")
        shutil.copytree(empty, folder)
        child = os.fork()
        if not child:
            killed(folder, owner, method, when, gated)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"seam": name, "signal": os.WTERMSIG(status), **outcome(folder)}), flush=True)


if __name__ == "__main__":
    main()
