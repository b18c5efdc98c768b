"""What builders train while boards are timing; trainer and board are simulated by the time they take."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.storages import RDBStorage

from search.choosing.experience import experience_of
from search.choosing.first_recipes import front
from search.choosing.latency_model import LatencyModel
from search.choosing.model_sampler import ModelSampler
from search.choosing.options import rungs
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.study import Study
from search.choosing.time_left import Pace, TimeLeft
from search.running.pipeline import Pipeline
from search.running.training_ahead import NOTHING, Lesson, TrainingAhead, _pays
from search.running.workplace import Workplace
from search.scoring.objectives import OBJECTIVES
from search.settings.settings import Settings
from search.store.trials import COMPLETE
from space.dimensions import dimensions, recipe_of
from space.networks.choose import work_of
from space.recipe import Recipe
from space.training.speed import Speed, Trainings
from tests.search.made_up import GOAL, store_with
from tests.search.running.test_pipeline import HANG_S, Board, Trainer, until, workplace

TABLE = dimensions("full", 2, {"runtime": "onnxruntime"})
IMAGES, LINE = 45_000, GOAL.least_accuracy
PACE = Pace(beside_s=0.0)
# Trainings that take no time, of any network.
AT_ONCE = Trainings(speed=Speed(layer_s=1e-9, mac_s=0.0, answer_s=0.0))


@pytest.fixture(scope="module")
def shapes() -> list[dict[str, object]]:
    return front(TABLE, LatencyModel.fitted(()), count=12, roughly=True)


def seconds_of(networks: tuple[Recipe, ...], epochs: int) -> float:
    return sum(PACE.training_s(network, epochs) for network in networks)


def test_a_lesson_is_the_cheaper_half_of_the_front_for_as_long_as_there_is_time(shapes) -> None:
    brief = Lesson.of(TABLE, shapes, PACE, IMAGES, 1, 0.0)
    assert len(brief.networks) == (len(shapes) + 1) // 2
    costs = [work_of(recipe_of(values)).macs for values in shapes]
    assert max(work_of(network).macs for network in brief.networks) <= sorted(costs)[len(costs) // 2]
    first, second, third, *_ = rungs(TABLE, IMAGES)
    assert brief.epochs[:2] == (first, second)
    enough_s = seconds_of(brief.networks, third)
    assert Lesson.of(TABLE, shapes, PACE, IMAGES, 1, enough_s).epochs[0] == third
    # Two places end twice as much, and nearly enough is too little.
    assert Lesson.of(TABLE, shapes, PACE, IMAGES, 2, enough_s / 2).epochs[0] == third
    assert Lesson.of(TABLE, shapes, PACE, IMAGES, 1, 0.99 * enough_s).epochs[0] == second


def test_after_a_round_of_all_those_nearest_to_the_line_are_trained_longer(shapes) -> None:
    networks = tuple(recipe_of(values) for values in shapes[:3])
    lesson, begun, accuracies = Lesson(networks, (3, 10)), set[str](), dict[str, float]()
    asked = []
    for share in (0.5, 0.69, 0.9):
        recipe = lesson.next(accuracies, begun, 0.7)
        assert recipe
        begun.add(recipe.id)
        accuracies[recipe.id] = share
        asked.append(recipe)
    assert [recipe.epochs for recipe in asked] == [3, 3, 3]
    longer = lesson.next(accuracies, begun, 0.7)
    assert longer
    assert (longer.widths, longer.epochs) == (asked[1].widths, 10)
    # A training that has not ended tells nothing yet.
    assert lesson.next({}, {recipe.id for recipe in asked}, 0.7) is None
    assert NOTHING.next({}, set(), 0.7) is None


def beside(folder: Path, trainer: Trainer, board: Board, lesson: Lesson) -> TrainingAhead:
    """What is trained beside that board."""
    work: Workplace = workplace(store_with(folder, []), board, trainer)
    work.baseline = SimpleNamespace(id=GOAL.baseline_id)
    return TrainingAhead(work, lesson, PACE, LINE, trainer.builders, time.monotonic() + HANG_S)


def study_beside(
    ahead: TrainingAhead, limit_s: float, beside_s: float, clock: Callable[[], float] = time.monotonic
) -> Study:
    store, known, end = ahead.work.store, KnownRecipes(), clock() + limit_s
    left = TimeLeft(lambda: end - clock(), AT_ONCE, beside_s=beside_s)
    experience = experience_of(store, GOAL.baseline_id, GOAL.bench_id)
    fom = OBJECTIVES[GOAL.objective]
    sampler = ModelSampler(0, TABLE, known, fom, LINE, left, experience=experience, ahead=ahead.ahead)
    study = Study(GOAL, store, RDBStorage(store.url), TABLE, known, sampler=sampler, time_left=left)
    study.resume()
    return study


def test_what_holds_the_line_is_timed_first_and_not_trained_again(tmp_path: Path, shapes, capsys) -> None:
    networks = tuple(recipe_of(values) for values in shapes[:4])
    holding = replace(networks[2], epochs=3)
    trainer = Trainer(0.05, lambda recipe: LINE + 0.1 if recipe.id == holding.id else 0.2, builders=3)
    ahead = beside(tmp_path / "store", trainer, Board(0.2, lambda count: 1.0, False), Lesson(networks, (3,)))
    ahead.begin()
    until(lambda: len(trainer.trained) == 4 and not ahead.tasks)
    ahead.stop()
    assert "4 networks trained while boards were timed, 1 of them on the right side" in capsys.readouterr().err
    study = study_beside(ahead, HANG_S, 0.1)
    assert Pipeline([study], ahead.work, ahead).run(4, time.monotonic() + HANG_S) == 4
    first, *_ = ahead.work.store.trials(study.goal.id)
    assert (first.recipe_id, first.state) == (holding.id, COMPLETE)
    # The holding network's file was made again from its weights; builders trained what the study suggests meanwhile.
    ahead.close()
    others = [id for id in trainer.trained if id != holding.id]
    assert len(others) == len(set(others)) > 3


def test_a_run_lasts_until_its_deadline_while_something_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing holds the line, though all come near to it, and no trial ends in time: builders go on until then."""
    trainer = Trainer(0.05, lambda recipe: LINE - 0.01, builders=3)
    ahead = beside(tmp_path / "store", trainer, Board(0.01, lambda count: 1.0, False), NOTHING)
    begun, limit_s = time.monotonic(), 4.0

    def trained_ids() -> set[str]:
        kept = ahead.work.store.trainings()
        return {candidate.recipe.id for _, candidate, _ in kept if candidate.recipe.epochs}

    def clock() -> float:
        """On a busy machine it stands still before the deadline until more was trained than two builders take at a
        time."""
        now = time.monotonic()
        has_trained = len(trained_ids()) > 2 or now > begun + HANG_S
        return now if has_trained else min(now, begun + 0.9 * limit_s)

    monkeypatch.setattr("search.running.pipeline.time", SimpleNamespace(monotonic=clock))
    study = study_beside(ahead, limit_s, 10.0, clock)
    assert Pipeline([study], ahead.work, ahead).run(1000, begun + limit_s) == 0
    assert 0.9 * limit_s < time.monotonic() - begun < HANG_S
    ahead.close()
    # What was trained is kept for a later run.
    assert len(trained_ids()) > 2
    assert trained_ids() <= set(trainer.trained)


@pytest.mark.parametrize(
    ("changes", "pays"),
    [
        ({}, True),
        ({"places": 1}, False),
        ({"here": True}, False),
        ({"recorded": True}, False),
        ({"alike": False}, False),
        ({"shared": True}, False),
        ({"sampler": "random"}, False),
    ],
)
def test_it_is_for_several_builders_beside_a_board(changes: dict[str, object], pays: bool) -> None:
    known = {
        "places": 3,
        "here": False,
        "recorded": False,
        "alike": True,
        "shared": False,
        "sampler": "model",
        **changes,
    }
    work = SimpleNamespace(
        rig=SimpleNamespace(on_this_machine=known["here"], device=SimpleNamespace(recorded=known["recorded"])),
        executor=SimpleNamespace(alike=known["alike"]),
        store=SimpleNamespace(shared=known["shared"]),
    )
    assert _pays(Settings(sampler=str(known["sampler"])), work, known["places"]) is pays  # type: ignore[arg-type]
