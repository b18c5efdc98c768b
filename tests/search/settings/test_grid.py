"""Grids as studies: their files, what is asked for, what stands in their table; the evaluations are made up."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from search.choosing.grid_order import GridOrder
from search.choosing.sampler import SpaceExhausted
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.study import Study
from search.commands.chosen import chosen_goals
from search.results.report import grid_table, results_console
from search.results.standings import standings
from search.running.remeasuring import measured_dirty
from search.settings.grid import Grid, Point
from search.settings.settings import asked, settings
from search.settings.settings_file import as_toml
from search.settings.study_files import study_file
from search.store.goal import Goal
from search.store.store import Store
from space.baseline import baseline_recipe
from space.dimensions import points, recipe_of
from space.errors import RequestError
from space.grid import grid
from space.pruning.scaled import scaled_text
from tests.search.made_up import GOAL, distinct, evaluation, keep, recipe, store_with

LAST = Path(__file__).parents[2] / "recorded" / "2026-11"
SMALL = Grid(fractions=(0.5, 0.9), epochs=(0, 1))


def goal_of(small: Grid) -> Goal:
    return replace(GOAL, space="grid", grid=small.to_json())


def opened(store: Store, small: Grid) -> Study:
    known = KnownRecipes()
    table = grid(**small.varying)
    study = Study(goal_of(small), store, RDBStorage(store.url), table, known, sampler=GridOrder(table, known))
    study.resume()
    return study


def carried_out(study: Study, store: Store, trials: int) -> list[str]:
    ids = []
    for _ in range(trials):
        trial = study.ask()
        result = evaluation(made=trial.recipe, latency_ms=sum(trial.recipe.widths) / 1000)
        keep(store, result)
        study.tell(trial.number, result)
        ids.append(trial.recipe.id)
    return ids


def test_every_point_is_asked_for_once_and_then_there_is_none(tmp_path):
    store = store_with(tmp_path, [])
    study = opened(store, SMALL)
    assert set(carried_out(study, store, 4)) == {of_point.id for of_point in SMALL.recipes(baseline_recipe()).values()}
    for again in (study, opened(store, SMALL)):
        with pytest.raises(SpaceExhausted, match="its file takes further fractions"):
            again.ask()
    trials = optuna.load_study(study_name=goal_of(SMALL).id, storage=store.url).get_trials(deepcopy=False)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4


def test_a_grid_in_parts_asks_what_an_uninterrupted_one_asks(tmp_path):
    whole, parts = store_with(tmp_path / "whole", []), store_with(tmp_path / "parts", [])
    expected = carried_out(opened(whole, SMALL), whole, 4)
    first_part = carried_out(opened(parts, SMALL), parts, 1)
    # Asked for, and killed.
    lost = opened(parts, SMALL).ask().recipe.id
    assert lost == expected[1]
    assert first_part + carried_out(opened(parts, SMALL), parts, 3) == expected


def test_further_fractions_go_on_from_what_is_there(tmp_path):
    store = store_with(tmp_path, [])
    before = carried_out(opened(store, SMALL), store, 4)
    more = replace(SMALL, fractions=(0.25, 0.5, 0.9))
    study = opened(store, more)
    added = carried_out(study, store, 2)
    assert not set(added) & set(before)
    assert all(standings(store, goal_of(more)).points().values())
    with pytest.raises(SpaceExhausted):
        study.ask()


def test_what_a_search_has_evaluated_is_not_asked_for(tmp_path):
    known = SMALL.recipes(baseline_recipe())[Point("none", 0.5, 1)]
    store = store_with(tmp_path, [evaluation(made=known)])
    assert known.id not in carried_out(opened(store, SMALL), store, 3)
    assert standings(store, goal_of(SMALL)).points()[Point("none", 0.5, 1)] is not None


def test_a_failed_point_keeps_its_reason_and_is_not_asked_for_again(tmp_path):
    store = store_with(tmp_path, [])
    study = opened(store, SMALL)
    trial = study.ask()
    store.add_failure(trial.recipe.id, GOAL.baseline_id, GOAL.bench_id, "out of memory")
    study.tell_failure(trial.number, "out of memory")
    assert trial.recipe.id not in carried_out(opened(store, SMALL), store, 3)
    ranking = standings(store, goal_of(SMALL))
    assert ranking.failed_points() == {Point("none", 0.5, 0): "failed: out of memory"}


def test_the_table_is_the_grids_points_in_its_order_and_no_other_evaluation(tmp_path, capsys):
    small = Grid(fractions=(0.5, 0.9), epochs=(0,), quantizations=("none", "static_int8"), unpruned=True)
    store = store_with(tmp_path, [evaluation(made=recipe(7))])
    carried_out(opened(store, small), store, 3)
    ranking = standings(store, goal_of(small))
    assert list(ranking.points()) == small.points()
    assert [(point.quantization, point.fraction) for point in small.points()] == [
        (name, fraction) for name in ("none", "static_int8") for fraction in (0, 0.5, 0.9)
    ]
    # The baseline, and the first three that were asked for.
    assert [row is not None for row in ranking.points().values()] == [True, True, False, True, True, False]
    results_console().print(grid_table(ranking))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:7]] == [
        [name, str(fraction), "0"] for name in ("none", "static_int8") for fraction in (0, 0.5, 0.9)
    ]
    assert "not yet" in lines[3]
    assert recipe(7).id not in {row.recipe_id for row in ranking.rows}


def test_dirty_rows_of_a_grid_are_measured_again_each_structure_once(tmp_path):
    dirty, clean = (recipe for point, recipe in SMALL.recipes(baseline_recipe()).items() if point.epochs == 0)
    tuned = replace(dirty, epochs=1)
    store = store_with(tmp_path, [evaluation(made=recipe, dirty=("steal",)) for recipe in (dirty, tuned)])
    keep(store, evaluation(made=clean))
    assert [row.recipe_id for row in measured_dirty(store, [goal_of(SMALL)])] == [dirty.id]
    # A search that something leads goes on searching.
    assert measured_dirty(store, [GOAL]) == []


def test_a_search_that_only_dirty_rows_could_lead_measures_these_again(tmp_path):
    could, below = distinct(2)
    dirty = ("steal",)
    store = store_with(tmp_path, [evaluation(made=could, dirty=dirty), evaluation(made=below, share=0.5, dirty=dirty)])
    assert [row.recipe_id for row in measured_dirty(store, [GOAL])] == [could.id]


def test_a_grids_json_names_the_recipe_of_every_point(tmp_path):
    store = store_with(tmp_path, [])
    ids = carried_out(opened(store, SMALL), store, 4)
    content = json.loads(json.dumps(standings(store, goal_of(SMALL)).as_dict()))
    assert {entry["recipe_id"] for entry in content["grid"]} == set(ids)
    assert "grid" not in standings(store, GOAL).as_dict()


def test_the_unpruned_network_quantized_is_a_candidate_at_another_runtime_it_is_not(tmp_path):
    other, quantized = replace(baseline_recipe(), threads=2), replace(baseline_recipe(), quantization="static_int8")
    store = store_with(tmp_path, [evaluation(made=other), evaluation(made=quantized)])
    assert [row.recipe_id for row in standings(store, GOAL).ranked] == [quantized.id]


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(("name", "count"), [("m1", 15), ("m2", 48)])
def test_the_milestones_come_by_name_and_by_path(name, count):
    file = study_file(name)
    assert study_file(f"studies/{name}.toml").read_text() == file.read_text()
    milestone = settings({"config": file}).grid
    assert milestone is not None
    assert len(milestone.points()) == len(set(milestone.recipes(baseline_recipe()).values())) == count


@pytest.mark.parametrize(
    ("name", "quantizations", "unpruned"),
    [("m1", '["none"]', "false"), ("m2", '["none", "dynamic_uint8", "static_int8"]', "true")],
)
def test_the_milestones_are_stored_as_they_were(name, quantizations, unpruned):
    """To the byte: it is part of their studies' names."""
    grid = settings({"config": study_file(name)}).grid
    assert grid is not None
    assert grid.to_json() == (
        '{"criterion": "l1", "epochs": [0, 3, 5], "fractions": [0.05, 0.25, 0.5, 0.75, 0.9], '
        f'"quantizations": {quantizations}, "unpruned": {unpruned}}}'
    )


def test_a_grid_that_an_earlier_version_began_goes_on_where_it_stopped(tmp_path):
    shutil.copy(LAST / "search.db", tmp_path)
    store = Store.create(tmp_path)
    goal = next(goal for goal in store.studies() if goal.grid)
    earlier = Grid.from_json(goal.grid)
    assert earlier == settings({"config": study_file("m1")}).grid
    table, known = grid(**earlier.varying), KnownRecipes()
    study = Study(goal, store, RDBStorage(store.url), table, known, sampler=GridOrder(table, known))
    study.resume()
    points = {recipe.id: point for point, recipe in earlier.recipes(baseline_recipe()).items()}
    # Every fraction without fine-tuning is there; 5 epochs come next.
    assert [points[study.ask().recipe.id] for _ in range(2)] == [Point("none", 0.05, 5), Point("none", 0.9, 5)]


SEVERAL = Grid(
    fractions=(0.5,),
    criteria=("l1", "fpgm"),
    quantizations=("none", "dynamic_uint8"),
    runtimes=("onnxruntime", "litert"),
    rounding="pruned",
    exclude=("conv1",),
    unpruned=True,
)


def test_what_a_grid_may_say_beside_is_part_of_its_study(tmp_path):
    text = (
        'criteria = ["fpgm", "l1"]\nfractions = [0.5]\nquantizations = ["dynamic_uint8", "none"]\nunpruned = true\n'
        'runtimes = ["litert", "onnxruntime"]\nrounding = "pruned"\nexclude = ["conv1"]\noperators = ["linear", "conv"]'
    )
    chosen = settings({"config": written(tmp_path, f'kind = "grid"\n{text}')})
    assert chosen.grid == SEVERAL
    assert Grid.from_json(SEVERAL.to_json()) == SEVERAL
    assert goal_of(SEVERAL).id != goal_of(replace(SEVERAL, exclude=())).id
    again = settings({"config": written(tmp_path, as_toml(chosen))})
    assert again.grid == SEVERAL
    assert again == chosen


STUDY = """
kind = "grid"
architecture = "mobilenet_v2"
criteria = ["weight_random", "slimming"]
fractions = [0.5]
fraction_of = "parameters"
rewound = true
energy_repeats = 7
exports = [".md"]
"""


def test_a_study_of_methods_is_told_by_its_keys_and_not_by_what_a_baseline_left(tmp_path):
    chosen = settings({"config": written(tmp_path, STUDY)})
    methods = chosen.grid
    assert methods is not None
    assert (methods.criteria, methods.fraction_of, methods.rewound) == (
        ("slimming", "weight_random"),
        "parameters",
        True,
    )
    assert methods.judged_by_scale == ("slimming",)
    assert settings({"config": written(tmp_path, as_toml(chosen))}) == chosen
    assert Grid.from_json(methods.to_json()) == methods
    for other in ({"energy_repeats": 1}, {"rewound": False}, {"fraction_of": "channels"}):
        assert replace(methods, **other).to_json() != methods.to_json()
    widths = (8,) * 25
    facts = {"widths by scale 0123 slimming": scaled_text({("slimming", 0.5): widths, ("slimming", 0.9): (1,) * 25})}
    known = methods.with_scales(facts.get, "0123", "mobilenet_v2")
    assert known.to_json() == methods.to_json()
    recipes = known.recipes(baseline_recipe("mobilenet_v2"))
    slim, sparse = recipes[Point("none", 0.5, 0, "slimming")], recipes[Point("none", 0.5, 0, "weight_random")]
    assert slim.widths == widths
    assert slim.rewound
    assert sparse.weight_sparsity == pytest.approx(0.5, abs=0.01)
    assert sparse.sparsity_criterion == "random"
    # What is asked for is what stands in the table; of another fraction nothing is asked.
    table = grid(**known.varying, architecture="mobilenet_v2")
    assert {recipe_of(values) for values in points(table)} == set(recipes.values())
    assert "0.9" not in known.scaled


def test_the_command_line_may_say_what_runs_a_grids_files(tmp_path):
    options = {"config": study_file("mobilenetv2"), "fixed": (("runtime", "onnxruntime"),)}
    chosen = settings(options)
    assert chosen.grid is not None
    assert (chosen.grid.runtimes, chosen.fixed) == (("onnxruntime",), ())
    assert chosen.grid == replace(settings({"config": study_file("mobilenetv2")}).grid, runtimes=("onnxruntime",))
    for fixed, message in (
        ((("runtime", "tvm"),), "--fix runtime: 'tvm' is not known; choose onnxruntime, litert"),
        ((("epochs", "1"),), "--fix: .* is a grid"),
    ):
        with pytest.raises(RequestError, match=message):
            settings({**options, "fixed": fixed})


def test_every_study_of_methods_that_comes_with_this_has_its_points():
    counts = {
        "mobilenetv2": 21, "mobilenetv1_methods": 21, "mobilenetv2_repeated": 21, "mobilenetv2_steps": 21,
        "sparsity_pays": 22,
    }  # fmt: skip
    for name, count in counts.items():
        chosen = settings({"config": study_file(name)})
        assert chosen.grid is not None
        assert chosen.grid.of_parameters
        assert len(chosen.grid.points()) == count
    # Another network by the same file.
    other = settings({"config": study_file("mobilenetv2"), "architecture": "mobilenet_v1"})
    assert len(set(other.grid.recipes(baseline_recipe(other.architecture)).values())) == 21


def test_its_points_name_criterion_and_runtime_and_are_those_that_have_files():
    assert SEVERAL.points() == [
        Point("none", 0.0, 0, None, "onnxruntime"),
        Point("none", 0.5, 0, "l1", "onnxruntime"),
        Point("none", 0.5, 0, "fpgm", "onnxruntime"),
        Point("dynamic_uint8", 0.0, 0, None, "onnxruntime"),
        Point("dynamic_uint8", 0.5, 0, "l1", "onnxruntime"),
        Point("dynamic_uint8", 0.5, 0, "fpgm", "onnxruntime"),
        Point("none", 0.0, 0, None, "litert"),
        Point("none", 0.5, 0, "l1", "litert"),
        Point("none", 0.5, 0, "fpgm", "litert"),
    ]
    assert SEVERAL.without_files() == [("litert", "dynamic_uint8")]


def test_its_points_are_what_its_table_asks_for():
    table = grid(**SEVERAL.varying, architecture="mnist_cnn")
    asked_for = {recipe_of(values) for values in points(table)}
    assert asked_for == set(SEVERAL.recipes(baseline_recipe("mnist_cnn")).values())


def test_a_published_table_lies_beside_the_file(tmp_path):
    chosen = settings({"config": written(tmp_path, 'kind = "grid"\nfractions = [0.5]\npublished = "theirs.csv"')})
    assert chosen.published == tmp_path / "theirs.csv"
    with pytest.raises(RequestError, match="published is not a key"):
        settings({"config": written(tmp_path, 'published = "theirs.csv"')})


def test_a_grid_of_another_network_is_another_study(tmp_path):
    store = store_with(tmp_path, [])
    other = replace(goal_of(SMALL), architecture="mobilenet_v2")
    for goal in (goal_of(SMALL), other):
        store.use_study(goal)
    options = {"config": written(tmp_path, 'kind = "grid"\nfractions = [0.5, 0.9]\nepochs = [0, 1]')}
    assert chosen_goals(store, settings(options), asked(options)) == [goal_of(SMALL)]
    options["architecture"] = "mobilenet_v2"
    assert chosen_goals(store, settings(options), asked(options)) == [other]


def test_the_same_values_in_another_order_are_the_same_study(tmp_path):
    texts = ("fractions = [0.5, 0.9]\nepochs = [1, 0]", "epochs = [0, 1]\nfractions = [0.9, 0.5]\nunpruned = false")
    grids = [settings({"config": written(tmp_path, f'kind = "grid"\n{text}')}).grid for text in texts]
    assert grids[0] == grids[1] == SMALL
    assert Grid.from_json(SMALL.to_json()) == SMALL
    assert goal_of(SMALL).id != goal_of(replace(SMALL, fractions=(0.5,))).id


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = [0]", "fractions is missing"),
        ("fractions = [0.5, 25]", "fractions: 25 is not a fraction above 0 and below 1"),
        ("fractions = 0.5", "fractions: 0.5 is not a list"),
        ("fractions = [0.5, 0.5]", "fractions: 0.5 stands there twice"),
        ("fractions = [0.5]\nepochs = [2.5]", "epochs: 2.5 is not a whole number of epochs"),
        ('fractions = [0.5]\nquantizations = ["int4"]', "quantizations: 'int4' is not known; choose none"),
        (
            'fractions = [0.5]\nquantizations = ["dynamic_int8"]',
            "quantizations: 'dynamic_int8' is of no file for onnxruntime; choose none, dynamic_uint8, static_int8",
        ),
        ('fractions = [0.5]\ncriteria = ["taylor"]', "criteria: 'taylor' is not known; choose l1, l2"),
        ('fractions = [0.5]\ncriterion = "l1"\ncriteria = ["l2"]', "criterion and criteria both stand there"),
        ('fractions = [0.5]\nrounding = "up"', "rounding: 'up' is not known; choose kept, pruned"),
        ('fractions = [0.5]\noperators = ["pool"]', "operators: 'pool' is not known; choose conv, linear"),
        ("fractions = [0.5]\nexclude = [3]", "exclude: 3 is not the name of a unit"),
        ('fractions = [0.5]\nruntimes = ["tvm"]', "runtimes: 'tvm' is not known; choose onnxruntime, litert"),
        (
            'fractions = [0.5]\nruntimes = ["litert"]\nquantizations = ["dynamic_uint8"]',
            "quantizations: 'dynamic_uint8' is of no file for litert; choose none, dynamic_int8, static_int8",
        ),
        ("fractions = [0.5]\nunpruned = 1", "unpruned: 1 is neither true nor false"),
        (
            'fractions = [0.5]\nfraction_of = "weights"',
            "fraction_of: 'weights' is not known; choose channels",
        ),
        ("fractions = [0.5]\nrewound = 1", "rewound: 1 is neither true nor false"),
        ("fractions = [0.5]\nenergy_repeats = 0", "energy_repeats: 0 is not a whole number from 1 to 1000"),
        ('fractions = [0.5]\nexports = ["pptx"]', "exports: 'pptx' is not the ending of a file"),
        ("fractoins = [0.5]", "fractoins is not a key; did you mean fractions"),
        ('fractions = [0.5]\nspace = "full"', "space is not a key"),
    ],
)
def test_what_a_grid_cannot_be_is_said_with_its_file_and_key(tmp_path, text, message):
    with pytest.raises(RequestError, match=message) as error:
        settings({"config": written(tmp_path, f'kind = "grid"\n{text}')})
    assert "mine.toml" in str(error.value)


def test_a_searchs_file_has_no_keys_of_a_grid(tmp_path):
    with pytest.raises(RequestError, match="fractions is not a key"):
        settings({"config": written(tmp_path, "fractions = [0.5]")})


def test_rank_finds_the_study_of_a_file_though_another_was_used_last(tmp_path):
    store = store_with(tmp_path, [])
    store.use_study(goal_of(SMALL))
    store.use_study(GOAL)
    options = {"config": written(tmp_path, 'kind = "grid"\nfractions = [0.5, 0.9]\nepochs = [0, 1]')}
    assert chosen_goals(store, settings({}), asked({})) == [GOAL]
    assert chosen_goals(store, settings(options), asked(options)) == [goal_of(SMALL)]
    options = {"config": study_file("fom")}
    assert chosen_goals(store, settings(options), asked(options)) == [GOAL]
    options = {"config": study_file("m2")}
    with pytest.raises(RequestError, match="no such study"):
        chosen_goals(store, settings(options), asked(options))


def test_without_an_objective_the_study_used_last_is_meant(tmp_path):
    latency = replace(GOAL, objective="latency")
    store = store_with(tmp_path, [])
    for goal in (GOAL, goal_of(SMALL), latency):
        store.use_study(goal)
    assert chosen_goals(store, settings({}), asked({})) == [latency]
    options = {"objective": "fom"}
    assert chosen_goals(store, settings(options), asked(options)) == [goal_of(SMALL)]
    options = {"objective": "fom", "space": "full"}
    assert chosen_goals(store, settings(options), asked(options)) == [GOAL]
