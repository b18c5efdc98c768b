"""Studies on real SQLite files and real Optuna; the evaluations are made up."""

import atexit
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.trial import TrialState

from search.choosing.grid_order import GridOrder
from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import SAMPLERS, STARTUP_TRIALS, DistinctSampler
from search.choosing.sampler import SpaceExhausted
from search.choosing.settled_recipes import KnownRecipes, Pool
from search.choosing.study import Study
from search.choosing.time_left import TimeLeft
from search.choosing.trial_notes import RECIPE
from search.scoring.objectives import OBJECTIVES
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, INTERRUPTED
from space.dimensions import dimensions, recipe_of
from space.grid import grid
from space.networks.mobilenet_v1.shape import WIDTHS, unit_name
from space.training.patience import MOST_GAIN, Line
from tests.search.choosing.ladder import ladder_values
from tests.search.choosing.test_error_model import history_with
from tests.search.made_up import GOAL, evaluation, figures, keep, store_with

TABLE = dimensions("full", 2)
LADDER = ladder_values(TABLE)
# There are so many that each sampler has begun to model.
FIRST = LADDER[:STARTUP_TRIALS]


@cache
def _empty() -> Path:
    """Making Optuna's tables takes longer than most of what follows."""
    folder = Path(mkdtemp(prefix="empty"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    RDBStorage(store_with(folder, []).url)
    return folder


def empty(folder: Path) -> Store:
    """A store with a measured baseline and no trial."""
    shutil.copytree(_empty(), folder, dirs_exist_ok=True)
    return Store.existing(folder)


def opened(store: Store, goal=GOAL, *, sampler="random", seed=0, table=TABLE, first=None, storage=None) -> Study:
    known = KnownRecipes()
    chosen = (
        ModelSampler(seed, table, known, OBJECTIVES[goal.objective], goal.least_accuracy)
        if sampler == "model"
        else DistinctSampler(sampler, seed, table, known)
    )
    storage, first = storage or RDBStorage(store.url), first or ladder_values(table)
    study = Study(goal, store, storage, table, known, sampler=chosen, first=first)
    study.resume()
    return study


def unkept(store: Store, **choices) -> Study:
    """Optuna's study of a test that opens it once: most of the processor's time would go into Optuna's tables."""
    return opened(store, storage=InMemoryStorage(), first=FIRST, **choices)


def judged(recipe):
    """A deterministic stand-in for building and measuring: wide is accurate and slow."""
    size = sum(recipe.widths)
    return evaluation(share=min(0.95, 0.5 + size / 8000), latency_ms=0.02 + size / 1000, made=recipe)


def carried_out(study: Study, store: Store, trials: int):
    asked = []
    for _ in range(trials):
        trial = study.ask()
        result = judged(trial.recipe)
        keep(store, result)
        study.tell(trial.number, result)
        asked.append(trial.recipe.id)
    return asked


def optunas(store: Store, goal=GOAL):
    return optuna.load_study(study_name=goal.id, storage=store.url).get_trials(deepcopy=False)


def with_history(result, gain: float, projected: float | None = None):
    history = history_with(gain, 0.3)
    return replace(result, candidate=replace(result.candidate, history=history, projected=projected))


def test_a_training_is_given_up_by_what_those_that_ended_gained(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    assert study.line() == Line(GOAL.least_accuracy)
    for gain, projected in ((1.0, None), (2.0, None), (5.0, 0.6), (1.5, None)):
        assert study.line().most_gain == MOST_GAIN
        trial = study.ask()
        study.tell(trial.number, with_history(judged(trial.recipe), gain, projected))
    # One that was given up itself never showed what it gained.
    assert study.line().least_accuracy == GOAL.least_accuracy
    assert study.line().most_gain == pytest.approx(1.25 * 2.0)
    trial = study.ask()
    study.tell(trial.number, with_history(judged(trial.recipe), 20.0))
    assert study.line().most_gain == MOST_GAIN


def test_the_ladder_is_asked_first(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    assert [study.ask().recipe for _ in LADDER] == [recipe_of(values) for values in LADDER]


def test_what_is_told_is_what_optuna_holds(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    trial = study.ask()
    result = judged(trial.recipe)
    keep(store, result)
    study.tell(trial.number, result)
    (held,) = optunas(store)
    assert held.state == TrialState.COMPLETE
    # Over the reference, which takes 10 ms and 27 mJ.
    relative = (result.figures.latency_s / 10e-3) * (result.figures.energy_j / 27e-3)
    assert 10**held.value == pytest.approx(result.validation.share / relative)
    assert list(held.constraints.values()) == [pytest.approx(GOAL.least_accuracy - result.validation.share)]
    assert held.user_attrs["latency ms"] == pytest.approx(1e3 * result.figures.latency_s)
    assert [record.state for record in store.trials(GOAL.id)] == [COMPLETE]


def test_optuna_finds_the_file_of_a_trial(tmp_path):
    store = empty(tmp_path)
    earlier = at_home(judged(recipe_of(LADDER[-1])), store)
    keep(store, earlier)
    study = opened(store)
    trial = study.ask()
    result = at_home(judged(trial.recipe), store)
    keep(store, result)
    study.tell(trial.number, result)
    for held in optunas(store):
        (artifact,) = get_all_artifact_meta(held, storage=RDBStorage(store.url))
        # No other is found by optuna-dashboard.
        assert set(artifact.artifact_id) <= set("0123456789abcdef-")
        with FileSystemArtifactStore(store.artifacts).open_reader(artifact.artifact_id) as file:
            assert file.read().decode() == held.user_attrs[RECIPE]
        # The form that optuna-dashboard reads.
        assert held.system_attrs["constraints"] == list(held.constraints.values())
    assert len(optunas(store)) == 2


def at_home(result, store: Store):
    """The candidate's file lies where those of the store do."""
    path = store.candidates / f"{result.recipe_id}-ba5e.onnx"
    path.parent.mkdir(exist_ok=True)
    path.write_text(result.recipe_id)
    return replace(result, candidate=replace(result.candidate, file=path))


@pytest.mark.parametrize("sampler", [*SAMPLERS, "model"])
def test_the_same_seed_asks_for_the_same_recipes(tmp_path, sampler):
    # What a Gaussian process asks for takes it seconds.
    further = 1 if sampler == "gp" else 3
    asked = []
    for name in "ab":
        store = empty(tmp_path / name)
        study = unkept(store, sampler=sampler, seed=3)
        asked.append(carried_out(study, store, len(FIRST) + further))
    assert asked[0] == asked[1]
    assert len(set(asked[0])) == len(FIRST) + further


def test_another_seed_asks_for_others(tmp_path):
    asked = []
    for seed in (0, 1):
        store = empty(tmp_path / str(seed))
        asked.append(carried_out(unkept(store, seed=seed), store, len(FIRST) + 3))
    assert asked[0][: len(FIRST)] == asked[1][: len(FIRST)]
    assert not set(asked[0][len(FIRST) :]) & set(asked[1][len(FIRST) :])


@pytest.mark.parametrize("sampler", ["random", "tpe", "model"])
def test_a_study_resumed_between_trials_asks_what_an_uninterrupted_one_asks(tmp_path, sampler):
    whole, parts = empty(tmp_path / "whole"), empty(tmp_path / "parts")
    expected = carried_out(unkept(whole, sampler=sampler), whole, len(FIRST) + 3)
    asked = []
    for count in (3, len(FIRST) - 1, 1):
        asked += carried_out(opened(parts, sampler=sampler, first=FIRST), parts, count)
    assert asked == expected


def test_the_recipe_in_flight_is_asked_for_first(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    carried_out(study, store, len(LADDER) + 1)
    lost = study.ask()
    # The process is killed here.
    again = opened(store)
    assert again.ask().recipe == lost.recipe
    states = {record.number: record.state for record in store.trials(GOAL.id)}
    assert states[lost.number] == INTERRUPTED
    assert not [trial for trial in optunas(store)[: lost.number + 1] if trial.state == TrialState.RUNNING]


def test_a_recipe_interrupted_twice_is_asked_for_once(tmp_path):
    store = empty(tmp_path)
    first = opened(store).ask().recipe
    assert opened(store).ask().recipe == first
    study = opened(store)
    assert study.ask().recipe == first
    assert study.ask().recipe != first


def test_a_kill_between_store_and_optuna_loses_nothing(tmp_path):
    store = empty(tmp_path)
    trial = opened(store).ask()
    keep(store, judged(trial.recipe))
    # Stored, not told.
    again = opened(store)
    (held,) = optunas(store)
    assert held.state == TrialState.COMPLETE
    assert [record.state for record in store.trials(GOAL.id)] == [COMPLETE]
    assert again.ask().recipe != trial.recipe


def test_a_kill_between_optuna_and_the_trials_table_is_settled(tmp_path, monkeypatch):
    store = empty(tmp_path)
    study = opened(store)
    trial = study.ask()
    result = judged(trial.recipe)
    keep(store, result)
    monkeypatch.setattr(store, "end_trial", lambda *_: None)
    study.tell(trial.number, result)
    monkeypatch.undo()
    opened(store)
    assert [record.state for record in store.trials(GOAL.id)] == [COMPLETE]


def test_a_kill_before_the_recipe_was_chosen_leaves_no_ghost(tmp_path):
    store = empty(tmp_path)
    opened(store)
    optuna.load_study(study_name=GOAL.id, storage=store.url).ask()
    study = opened(store)
    assert [trial.state for trial in optunas(store)] == [TrialState.FAIL]
    assert study.ask().recipe == recipe_of(LADDER[0])


@pytest.mark.parametrize("by_an_earlier_version", [True, False])
def test_a_kill_between_writing_a_trial_down_and_choosing_for_it_leaves_a_study_that_goes_on(
    tmp_path, monkeypatch, by_an_earlier_version
):
    store = empty(tmp_path)
    study = opened(store)
    if by_an_earlier_version:
        # That version had Optuna keep what is asked for first.
        study._optuna.study.enqueue_trial(dict(LADDER[0]))
    else:
        monkeypatch.setattr(study._optuna, "choose", _killed)
        with pytest.raises(KeyboardInterrupt):
            study.ask()
    assert [trial.state.is_finished() for trial in optunas(store)] == [False]
    again = opened(store)
    assert [trial.state for trial in optunas(store)] == [TrialState.FAIL]
    assert again.ask().recipe == recipe_of(LADDER[0])


def _killed(*_):
    raise KeyboardInterrupt


def test_a_training_given_up_for_another_line_is_not_taken_in(tmp_path):
    store = empty(tmp_path)
    first = judged(recipe_of(LADDER[0]))
    keep(store, replace(first, candidate=replace(first.candidate, projected=0.65)))
    assert opened(store).ask().recipe == recipe_of(LADDER[1])
    lower = replace(GOAL, minimum_accuracy=0.60)
    assert opened(store, lower).ask().recipe == recipe_of(LADDER[0])


def test_what_another_study_gave_up_is_not_told_as_ours(tmp_path):
    """It was on its way when this study was killed."""
    store = empty(tmp_path)
    first = judged(opened(store).ask().recipe)
    keep(store, replace(first, candidate=replace(first.candidate, projected=GOAL.least_accuracy + 0.01)))
    assert opened(store).ask().recipe == recipe_of(LADDER[0])
    assert [trial.state for trial in optunas(store)][:1] == [TrialState.FAIL]


def test_what_was_gated_and_asked_for_again_is_asked_for_after_a_kill_too(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    gated = study.ask()
    study.tell_gated(gated.number, figures(4.0), "it could not win")
    study.ask_again(gated)
    assert study.ask().recipe == gated.recipe
    assert opened(store).ask().recipe == gated.recipe


def test_an_interrupted_trial_that_was_gated_since_is_not_spoken_of_again(tmp_path):
    store = empty(tmp_path)
    opened(store).ask()
    opened(store)
    known = KnownRecipes()
    sampler = DistinctSampler("random", 0, TABLE, known)
    again = Study(GOAL, store, RDBStorage(store.url), TABLE, known, sampler=sampler)
    assert len(again.resume()) == 1
    again.tell_gated(again.ask().number, figures(1.0), "it could not lead")
    known = KnownRecipes()
    sampler = DistinctSampler("random", 0, TABLE, known)
    assert Study(GOAL, store, RDBStorage(store.url), TABLE, known, sampler=sampler).resume() == []


def test_a_failed_recipe_keeps_its_reason_and_is_not_asked_for_again(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    trial = study.ask()
    store.add_failure(trial.recipe.id, GOAL.baseline_id, GOAL.bench_id, "out of memory")
    study.tell_failure(trial.number, "out of memory")
    (record,) = store.trials(GOAL.id)
    assert (record.state, record.reason) == (FAILED, "out of memory")
    assert opened(store).ask().recipe != trial.recipe


def test_a_new_study_starts_from_what_another_has_evaluated(tmp_path):
    store = empty(tmp_path)
    asked = carried_out(opened(store), store, 5)
    latency = replace(GOAL, objective="latency")
    study = opened(store, latency)
    assert [trial.user_attrs["recipe"] for trial in optunas(store, latency)] == asked
    assert study.ask().recipe.id not in asked
    assert [record.recipe_id for record in store.trials(latency.id)] != asked


def test_a_recipe_outside_the_space_is_not_taken_in(tmp_path):
    store = empty(tmp_path)
    carried_out(opened(store), store, len(LADDER) + 2)
    narrow = replace(GOAL, space="pruning")
    study = opened(store, narrow, table=dimensions("pruning", 2))
    assert study.absorb(store.evaluations(GOAL.baseline_id, GOAL.bench_id).values()) == 0
    # The ladder is in both spaces; what drew threads or removed blocks is not.
    assert len(optunas(store, narrow)) < len(LADDER) + 2


def test_a_space_without_another_recipe_says_so_and_leaves_no_ghost(tmp_path):
    widths = {f"{unit_name(index)}_narrowing": "1" for index in range(len(WIDTHS))}
    table = dimensions("pruning", 2, {**widths, "epochs": "1"})
    store = empty(tmp_path)
    study = opened(store, table=table)
    assert len(set(carried_out(study, store, 3))) == 3
    with pytest.raises(SpaceExhausted):
        study.ask()
    assert {trial.state for trial in optunas(store)} == {TrialState.COMPLETE, TrialState.FAIL}


def test_a_gated_trial_is_complete_never_within_the_line_and_not_asked_for_again(tmp_path):
    store = empty(tmp_path)
    study = opened(store)
    trial = study.ask()
    study.tell_gated(trial.number, figures(4.0), "it could not win")
    (held,) = optunas(store)
    assert held.state == TrialState.COMPLETE
    assert list(held.constraints.values()) == [GOAL.least_accuracy]
    assert 10**held.value == pytest.approx(1 / (0.4 * 0.4))
    (record,) = store.trials(GOAL.id)
    assert (record.state, record.reason) == (GATED, "it could not win")
    assert opened(store).ask().recipe != trial.recipe


def beside(store: Store, pool: Pool, objective: str, **others) -> Study:
    """One of several studies of a run."""
    known = KnownRecipes(pool)
    sampler = DistinctSampler("random", 0, TABLE, known)
    goal = replace(GOAL, objective=objective)
    return Study(goal, store, RDBStorage(store.url), TABLE, known, sampler=sampler, first=LADDER, **others)


def test_what_one_study_gates_another_may_ask_for(tmp_path):
    store, pool = empty(tmp_path), Pool()
    latency, energy = beside(store, pool, "latency"), beside(store, pool, "energy")
    for study in (latency, energy):
        study.resume()
    trial = latency.ask()
    # While it is on its way nobody else asks for it.
    second = energy.ask()
    assert second.recipe == recipe_of(LADDER[1])
    latency.tell_gated(trial.number, figures(4.0), "it could not lead")
    assert latency.ask().recipe == recipe_of(LADDER[2])
    assert energy.ask().recipe == trial.recipe


def test_what_is_evaluated_or_failed_in_one_study_no_other_asks_for(tmp_path):
    store, pool = empty(tmp_path), Pool()
    latency, energy = beside(store, pool, "latency"), beside(store, pool, "energy")
    for study in (latency, energy):
        study.resume()
    evaluated, failed = latency.ask(), latency.ask()
    latency.tell(evaluated.number, judged(evaluated.recipe))
    latency.tell_failure(failed.number, "out of memory")
    assert energy.ask().recipe == recipe_of(LADDER[2])


def test_what_one_study_has_on_its_way_stays_so_as_another_gives_up_what_an_earlier_run_had(tmp_path):
    store, pool = empty(tmp_path), Pool()
    left_behind = beside(store, Pool(), "energy")
    left_behind.resume()
    recipe = left_behind.ask().recipe
    latency, energy = beside(store, pool, "latency"), beside(store, pool, "energy")
    latency.resume()
    assert latency.ask().recipe == recipe
    energy.resume()
    assert energy.ask().recipe != recipe


def test_what_another_study_gated_and_would_not_lead_here_either_is_known_after_a_resume(tmp_path):
    store, pool = empty(tmp_path), Pool()
    latency, energy = beside(store, pool, "latency"), beside(store, pool, "energy")
    for study in (latency, energy):
        study.resume()
    trial = latency.ask()
    latency.tell_gated(trial.number, figures(4.0), "it could not lead")
    energy.absorb_gated(trial.recipe, figures(4.0), "it could not lead")
    again = beside(store, Pool(), "energy")
    again.resume()
    assert again.ask().recipe == recipe_of(LADDER[1])


# This space is without a teacher, whose answers take longer than any training.
UNTAUGHT = dimensions("full", 2, {"distillation": "0.0"})


def hurried(store: Store, name: str, left_s: float, say=lambda text: None) -> Study:
    known, time_left = KnownRecipes(), TimeLeft(lambda: left_s)
    sampler = (
        ModelSampler(0, UNTAUGHT, known, OBJECTIVES[GOAL.objective], GOAL.least_accuracy, time_left)
        if name == "model"
        else DistinctSampler(name, 0, UNTAUGHT, known, time_left)
    )
    study = Study(
        GOAL, store, InMemoryStorage(), UNTAUGHT, known, sampler=sampler, first=ladder_values(UNTAUGHT),
        time_left=time_left, say=say,
    )  # fmt: skip
    study.resume()
    return study


@pytest.mark.parametrize("name", [*SAMPLERS, "model"])
def test_nothing_is_asked_for_that_could_not_end_in_time_and_that_is_said_once(tmp_path, name):
    """The ladder's first recipe is trained for ten epochs, for which there is no time."""
    store, lines = empty(tmp_path), []
    ids = carried_out(hurried(store, name, 70.0, lines.append), store, STARTUP_TRIALS + 1)
    pace = TimeLeft(lambda: 70.0).pace([])
    evaluated = store.evaluations(GOAL.baseline_id, GOAL.bench_id)
    assert not pace.fits(recipe_of(ladder_values(UNTAUGHT)[0]))
    assert all(pace.fits(evaluated[id].candidate.recipe) for id in ids)
    assert lines[0].startswith("first recipes passed over, because they would not end before the deadline: 1, of ")
    assert sum(int(line.split("deadline: ")[1].split(",")[0]) for line in lines) < len(LADDER)


@pytest.mark.parametrize("name", [*SAMPLERS, "model"])
def test_a_run_with_no_time_for_its_first_recipe_says_how_long_that_takes(tmp_path, name):
    store = empty(tmp_path)
    with pytest.raises(SpaceExhausted, match=r"0 s left, and the shortest recipe to try next may take \d+ (s|min)"):
        hurried(store, name, -3.0).ask()
    assert store.trials(GOAL.id) == []


def test_a_minute_of_meter_is_part_of_what_has_to_end_in_time():
    recipe = recipe_of(ladder_values(UNTAUGHT)[1])
    needed_s = TimeLeft().pace([]).seconds(recipe)
    assert TimeLeft(lambda: needed_s + 60).pace([]).fits(recipe)
    assert not TimeLeft(lambda: needed_s + 60, metering_s=61.0).pace([]).fits(recipe)


def test_a_grid_passes_over_the_points_that_could_not_end_in_time(tmp_path):
    store, known = empty(tmp_path), KnownRecipes()
    table = grid((0.5,), (0, 30), ("none",), ("l1",), False)
    time_left = TimeLeft(lambda: 20.0)
    goal = replace(GOAL, space="grid")
    order = GridOrder(table, known, time_left)
    study = Study(goal, store, RDBStorage(store.url), table, known, sampler=order, time_left=time_left)
    study.resume()
    assert study.ask().recipe.epochs == 0
    with pytest.raises(SpaceExhausted, match="before the deadline"):
        study.ask()
