"""A small grid as runs in processes of their own: killed in measuring and in training, it ends as if it never was."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search.building.tasks import carry_out
from search.commands.exit_status import OK
from search.results.standings import standings
from search.settings.grid import Grid, Point
from search.store.store import Store
from search.store.trials import COMPLETE, INTERRUPTED
from space.baseline import baseline_recipe, describe
from space.data.sources import Source
from space.recipe import Recipe
from tests.search.user import User
from tests.search.whole import ROOT, children_of, command, copy, environment

pytestmark = pytest.mark.whole

# Narrow, so that an epoch takes seconds; both points share a structure, which is measured once.
SMALL = """
kind = "grid"
fractions = [0.95]
epochs = [0, 1]
data = "builtin"
min_accuracy = 0.01
margin = 0.001
"""


def killed(small: Path, folder: Path, moment: Callable[[], bool], pause: float = 0) -> None:
    """Runs the grid until that moment and a little longer; then kills it."""
    with subprocess.Popen(
        command("study", small, "--store", folder),
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while not moment():
                assert process.poll() is None
                time.sleep(0.02)
            time.sleep(pause)
        finally:
            process.kill()
    while children_of(folder):
        time.sleep(0.05)


@pytest.mark.usefixtures("calm_machine")
def test_a_grid_killed_in_measuring_and_in_training_ends_as_one_that_was_not(started, user: User, tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    folder = copy(started, tmp_path / "store")
    store = Store.existing(folder)
    past = store.studies()[0]
    points = Grid(fractions=(0.95,), epochs=(0, 1)).recipes(baseline_recipe())
    plain, tuned = points[Point("none", 0.95, 0)], points[Point("none", 0.95, 1)]

    def is_built(recipe: Recipe) -> bool:
        return store.candidate(recipe.id, past.baseline_id) is not None

    def is_asked_for(recipe: Recipe) -> bool:
        return any(trial.recipe_id == recipe.id for trial in store.trials(store.studies()[0].id))

    def is_measured() -> bool:
        return store.structure(plain.structure_id, past.bench_id) is not None

    killed(tmp_path / "small.toml", folder, lambda: is_built(plain))
    assert not is_measured()
    assert is_asked_for(plain)
    killed(tmp_path / "small.toml", folder, lambda: is_asked_for(tuned), pause=0.3)
    assert is_measured()
    assert not is_built(tuned)
    # This is as if others had wanted the cores meanwhile.
    clean = store.structure(plain.structure_id, past.bench_id)
    assert clean is not None
    raw = store.raw(past.bench_id)[plain.structure_id]
    store.add_structure(plain.structure_id, past.bench_id, replace(clean, dirty=("others used 0.9 cores",)), raw)
    status, out, err = user.types("study", tmp_path / "small.toml", "--store", folder)
    assert status == OK, err
    assert "grid      2 points, 1 of them evaluated on " in err
    assert "trials    1 more" in err
    assert "2 of 2 points of the grid are evaluated" in out
    assert f"{plain.id} measured again: " in err
    again = store.structure(plain.structure_id, past.bench_id)
    assert again is not None
    assert not again.dirty

    goal = store.studies()[0]
    ranking = standings(store, goal)
    assert [row is not None for row in ranking.points().values()] == [True, True]
    undisturbed = copy(started, tmp_path / "undisturbed")
    baseline = describe(undisturbed / "baselines", past.baseline_id)
    for row in ranking.ranked:
        rebuilt = carry_out(row.candidate.recipe, undisturbed, baseline, Source("builtin"))
        assert rebuilt.validation == row.validation
        assert rebuilt.candidate.recipe == points[Point("none", 0.95, row.candidate.recipe.epochs)]
        assert (rebuilt.candidate.parameters, rebuilt.candidate.macs) == (row.candidate.parameters, row.candidate.macs)
        assert (rebuilt.candidate.sha256, rebuilt.candidate.history) == (row.candidate.sha256, row.candidate.history)
    states = [(trial.recipe_id, trial.state) for trial in store.trials(goal.id)]
    assert [recipe_id for recipe_id, state in states if state == COMPLETE] == [plain.id, tuned.id]
    assert [recipe_id for recipe_id, state in states if state == INTERRUPTED] == [plain.id, tuned.id]
