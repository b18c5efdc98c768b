"""The grids of studies/mnist.toml, and of methods, on few generated images, in processes of their own: killed on their
way, they end with the table of one that was not."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from search.building.tasks import import_baseline
from search.commands.exit_status import OK
from search.running.baseline import remember_baseline
from search.running.data_choice import remember
from search.settings.settings import settings
from search.store.store import Store
from search.store.trials import COMPLETE, INTERRUPTED
from space.baseline import baseline_recipe
from space.data.sources import Source
from space.networks.choose import network_named
from space.recipe import Recipe
from tests.search.user import User
from tests.search.whole import ROOT, children_of, command, copy, environment

pytestmark = pytest.mark.usefixtures("calm_machine")

STUDY = (ROOT / "studies" / "mnist.toml").read_text()
# Instead of the study's: one fraction of which few channels are left, and an epoch in which something is learnt.
LESS = {
    'data = "mnist"': 'data = "builtin"',
    "fractions = [0.2, 0.7]": "fractions = [0.7]",
    "epochs = [0, 3]": "epochs = [0, 1]",
    "min_accuracy = 0.97": "min_accuracy = 0.01\nmargin = 0.001",
    'published = "reference/mnist.csv"': "",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study's file, and beside it a store with a baseline that was never trained."""
    folder = tmp_path_factory.mktemp("study")
    text = STUDY
    for words, instead in LESS.items():
        assert words in text, words
        text = text.replace(words, instead)
    file = folder / "mnist.toml"
    file.write_text(text)
    with_untrained_baseline(folder, settings({"config": file}).architecture)
    return file


def with_untrained_baseline(folder: Path, architecture: str) -> Path:
    """A store of this network on generated images, in a folder of its own."""
    network = network_named(architecture)
    torch.manual_seed(0)
    model = network.built([unit.width for unit in network.units], network.halvings, network.image, network.classes)
    torch.save(model.state_dict(), folder / "untrained.pt")
    channels = network.image.channels
    normalised_by = {"mean": [0.5] * channels, "std": [0.25] * channels}
    (folder / "untrained.json").write_text(json.dumps({"train_split": "none", **normalised_by}))
    (folder / "store").mkdir()
    store = Store.create(folder / "store")
    source = Source("builtin", store.folder / "images", shape=network.image)
    remember(store, source, network.name)
    remember_baseline(store, import_baseline(store.folder, source, folder / "untrained.pt", network.name))
    return store.folder


def run_and_kill(file: Path, folder: Path, moment: Callable[[], bool], pause: float) -> None:
    """Runs the study until that moment and a little longer; then kills it."""
    with subprocess.Popen(
        command("study", file, "--store", folder),
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
            assert process.poll() is None
        finally:
            process.kill()
    while children_of(folder):
        time.sleep(0.05)


# A network by shares of its parameters.
METHODS = """
kind = "grid"
architecture = "{architecture}"
data = "builtin"
criteria = {criteria}
fractions = [0.8]
fraction_of = "parameters"
epochs = [1]
unpruned = true
min_accuracy = 0.01
margin = 0.001
exports = [".md"]
"""


def table(user: User, file: Path, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The grid's points with their recipes, and the rows beside the unpruned network; without what is timed."""
    status, out, err = user.types("rank", "--study", file, "--store", folder, "--json")
    assert status == OK, err
    content = json.loads(out)
    return content["grid"], [
        {key: value for key, value in row.items() if "latency" not in key and "time" not in key}
        for row in content["beside_unpruned"]["rows"]
    ]


@pytest.mark.whole
def test_the_mnist_grid_killed_at_two_points_ends_with_the_same_table(study: Path, user: User, tmp_path: Path) -> None:
    grid = settings({"config": study}).grid
    assert grid is not None
    recipes = grid.recipes(baseline_recipe(settings({"config": study}).architecture))
    tuned = [recipe for point, recipe in recipes.items() if point.epochs]
    assert len(recipes) == 5
    assert len(tuned) == 2

    whole = copy(study.parent / "store", tmp_path / "whole")
    status, out, err = user.types("study", study, "--store", whole)
    assert status == OK, err
    expected = table(user, study, whole)
    assert "26/52/7488" not in out
    assert "10/20/2880/128" in out

    folder = copy(study.parent / "store", tmp_path / "killed")
    store = Store.existing(folder)

    def asked_for(recipe: Recipe) -> Callable[[], bool]:
        return lambda: any(trial.recipe_id == recipe.id for goal in store.studies() for trial in store.trials(goal.id))

    def evaluated(count: int) -> Callable[[], bool]:
        return lambda: any(len(store.evaluations(goal.baseline_id, goal.bench_id)) >= count for goal in store.studies())

    # In its first points, and in a training; test_kills.py kills a search in its start and its reference.
    run_and_kill(study, folder, evaluated(2), 0.1)
    run_and_kill(study, folder, asked_for(tuned[0]), 0.4)
    status, out, err = user.types("study", study, "--store", folder)
    assert status == OK, err
    assert re.search(r"grid      5 points, [2-4] of them evaluated on ", err)
    assert "5 of 5 points of the grid are evaluated" in out

    assert table(user, study, folder) == expected
    goal = store.studies()[0]
    states = [(trial.recipe_id, trial.state) for trial in store.trials(goal.id)]
    complete = [recipe_id for recipe_id, state in states if state == COMPLETE]
    assert len(complete) == len(set(complete))
    assert tuned[0].id in {recipe_id for recipe_id, state in states if state == INTERRUPTED}


# The first network becomes a smaller structure and two files that hold zeros; the second is first trained to tell which
# of its channels go.
NETWORKS = [("mnist_cnn", ["l1", "weight_magnitude", "weight_random"]), ("mobilenet_v2", ["slimming"])]


@pytest.mark.parametrize(("architecture", "criteria"), NETWORKS)
@pytest.mark.long
# An epoch of MobileNetV2 takes a minute or two, and there are five.
@pytest.mark.timeout(1800)
def test_a_grid_of_methods_killed_in_each_training_ends_with_the_same_table(
    architecture: str, criteria: list[str], user: User, tmp_path: Path
) -> None:
    """Each sparse file is timed by itself, and what the study ends with is written."""
    file = tmp_path / "methods.toml"
    file.write_text(METHODS.format(architecture=architecture, criteria=json.dumps(criteria)))

    def ended(folder: Path) -> list[dict[str, Any]]:
        """The rows that it ended with, without what is timed."""
        status, out, err = user.types("rank", "--study", file, "--store", folder, "--json")
        assert status == OK, err
        columns = ("criterion", "fraction", "accuracy", "accuracy_low", "file_mb", "packed_mb", "sparsity", "recipe_id")
        return [{key: row[key] for key in columns} for row in json.loads(out)["methods"]["rows"]]

    begun_with = with_untrained_baseline(tmp_path, architecture)
    whole, folder = copy(begun_with, tmp_path / "whole"), copy(begun_with, tmp_path / "killed")
    status, _, err = user.types("study", file, "--store", whole)
    assert status == OK, err
    assert (whole / "methods.md").read_text().startswith("# Pruning methods beside each other\n")
    expected = ended(whole)
    assert [row["criterion"] for row in expected[1:]] == criteria
    if "slimming" not in criteria:
        grid = settings({"config": file}).grid
        assert grid is not None
        recipes = grid.recipes(baseline_recipe(architecture)).values()
        assert [row["recipe_id"] for row in expected] == [recipe.id for recipe in recipes]
        assert len({recipe.structure_id for recipe in recipes}) == 4
    assert [row["sparsity"] for row in expected] == [pytest.approx(row["fraction"], abs=0.01) for row in expected]

    store, last = Store.existing(folder), expected[-1]["recipe_id"]

    def slimming() -> bool:
        return any((folder / "baselines").glob(".*-slimmed.pt*"))

    def training() -> bool:
        return any(trial.recipe_id == last for goal in store.studies() for trial in store.trials(goal.id))

    if "slimming" in criteria:
        run_and_kill(file, folder, slimming, 5.0)
        assert not list((folder / "baselines").glob("*-slimmed.pt"))
    run_and_kill(file, folder, training, 0.2)
    assert user.types("study", file, "--store", folder)[0] == OK
    assert ended(folder) == expected
