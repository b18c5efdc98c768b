"""Order and overlap of a run's steps; trainer and board are simulated by the time they take, all else is real."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from optuna.storages import RDBStorage

from evaluators.measured import Measured
from evaluators.measurement import Figures
from search.building.tasks import Built, draft
from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.settled_recipes import KnownRecipes, Pool
from search.choosing.study import Study
from search.commands.exit_status import RIG, status_of
from search.running.busy import Busy
from search.running.pipeline import Pipeline, _queued_s
from search.running.stages import Stage
from search.running.view import View
from search.running.workplace import Workplace
from search.scoring.objectives import OBJECTIVES
from search.store.trials import COMPLETE, FAILED, GATED
from space.data.images import Images
from space.dimensions import dimensions, recipe_of
from space.errors import CandidateError, DeviceLostError
from space.files import sha256
from space.networks.mobilenet_v1.shape import unit_name
from tests import shapes
from tests.search.made_up import GOAL, evaluation, figures, store_with

TABLE = dimensions("full", 2)
# An image, for its shape.
VALIDATION = Images(np.zeros((1, 3, 32, 32), np.uint8), np.zeros(1, np.int64))
# Longer than any step takes: a test whose steps wait for one another in vain fails, it does not hang.
HANG_S = 60


class Trainer:
    """What is built takes so long; an outline takes nothing."""

    # They are alike as builders of this machine are.
    alike = True

    def __init__(self, seconds: float, share: Callable[[object], float], builders: int = 1) -> None:
        self._pool, self._seconds, self._share = ThreadPoolExecutor(builders), seconds, share
        self.builders = builders
        self.trained: list[str] = []
        # When each training began and ended.
        self.spans: list[tuple[float, float]] = []

    def submit(self, task, *words):
        """A draft as to the drafter, or an order as to an executor."""
        return (
            self._pool.submit(self._draft, *words[:2]) if task is draft else self._pool.submit(self._train, task.recipe)
        )

    def _draft(self, recipe, folder: Path) -> Path:
        return folder / f"{recipe.structure_id}.onnx"

    def _train(self, recipe) -> Built:
        begun = time.monotonic()
        self.work()
        self.spans.append((begun, time.monotonic()))
        self.trained.append(recipe.id)
        result = evaluation(made=recipe, share=self._share(recipe))
        return Built(result.candidate, result.validation)

    def work(self) -> None:
        time.sleep(self._seconds)


class Board:
    boards, least_w, device = 1, 1.9, SimpleNamespace(recorded=False, trials=())
    frameworks: ClassVar[dict[str, str]] = {}

    def __init__(self, seconds: float, latency_ms: Callable[[int], float], here: bool) -> None:
        self._pool, self._seconds, self._latency_ms = ThreadPoolExecutor(1), seconds, latency_ms
        self.on_this_machine = here
        self.bench = SimpleNamespace(id=GOAL.bench_id)
        self.measured: list[str] = []
        self.power_w: Callable[[int], float] = lambda count: 2.7
        self.processes = 3
        # What the reference takes (ms) beside the n-th measurement.
        self.reference_ms: Callable[[int], float] = lambda count: 10.0
        # When each measurement began and ended.
        self.spans: list[tuple[float, float]] = []
        # What a network takes (ms) where it hangs on that alone.
        self.latency_of: Callable[[str], float] = lambda name: 1.0

    def runs(self, recipe) -> bool:
        return True

    def measure(self, subject, race, progress, earlier=()):
        return self._pool.submit(self._measure, subject)

    def _measure(self, subject) -> Measured:
        begun = time.monotonic()
        self.work()
        self.spans.append((begun, time.monotonic()))
        self.measured.append(subject.name)
        latency_ms = self._latency_ms(len(self.measured)) or self.latency_of(subject.name)
        energy_j = latency_ms / 1e3 * self.power_w(len(self.measured))
        reference = self.reference
        seen = figures(
            latency_ms,
            energy_j=energy_j,
            processes=self.processes,
            reference_latency_s=reference.latency_s,
            reference_energy_j=reference.energy_j,
        )
        return Measured(seen, ())

    @property
    def reference(self) -> Figures:
        return figures(self.reference_ms(len(self.measured)), reference_latency_s=None, reference_energy_j=None)

    def work(self) -> None:
        time.sleep(self._seconds)


def until(reached: Callable[[], bool]) -> None:
    """Other threads bring it about."""
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


def workplace(store, board, trainer):
    drafter, places = Trainer(0, trainer._share), Busy(trainer.builders)
    return Workplace(store, board, trainer, drafter, None, None, None, VALIDATION, View(0), training=places)


def pipeline(folder, trainer, board, sampler="random", **seen):
    store = store_with(folder, list(seen.get("before", [])))
    known = KnownRecipes()
    chosen = (
        ModelSampler(0, TABLE, known, OBJECTIVES[GOAL.objective], GOAL.least_accuracy)
        if sampler == "model"
        else DistinctSampler(sampler, 0, TABLE, known)
    )
    study = Study(GOAL, store, RDBStorage(store.url), TABLE, known, sampler=chosen, first=shapes.values(TABLE))
    study.resume()
    return Pipeline([study], workplace(store, board, trainer)), store


def studies_of(store, tables, **others):
    """One study for each objective, side by side over one pool."""
    pool, studies = Pool(), []
    for objective, table in tables.items():
        known = KnownRecipes(pool)
        sampler = DistinctSampler("random", 0, table, known)
        goal = replace(GOAL, objective=objective)
        studies.append(
            Study(
                goal, store, RDBStorage(store.url), table, known, sampler=sampler, first=shapes.values(table), **others
            )
        )
    for study in studies:
        study.resume()
    return studies


def side_by_side(folder, trainer, board, tables):
    store = store_with(folder, [])
    studies = studies_of(store, tables)
    return Pipeline(studies, workplace(store, board, trainer)), store


def test_a_study_with_nothing_left_to_ask_for_ends_alone_and_says_so_once(tmp_path, capsys):
    """Its space holds three recipes: one network in three quantizations."""
    small = dimensions("pruning", 2, {f"{unit_name(index)}_narrowing": "1" for index in range(14)} | {"epochs": "1"})
    search_pipeline, store = side_by_side(
        tmp_path / "store",
        Trainer(0, lambda recipe: 0.5),
        Board(0, lambda count: 1.0, True),
        {"latency": small, "fom": TABLE},
    )
    assert search_pipeline.run(12, time.monotonic() + 60) == 12
    ended = {objective: len(store.trials(replace(GOAL, objective=objective).id)) for objective in ("latency", "fom")}
    assert ended == {"latency": 3, "fom": 9}
    output = capsys.readouterr()
    assert output.err.count("latency: every recipe of this space is known") == 1
    assert "fom: every recipe" not in output.err


def test_a_run_ends_when_every_study_has_nothing_left(tmp_path, capsys):
    small = dimensions("pruning", 2, {f"{unit_name(index)}_narrowing": "1" for index in range(14)} | {"epochs": "1"})
    other = dimensions("pruning", 2, {f"{unit_name(index)}_narrowing": "2" for index in range(14)} | {"epochs": "1"})
    search_pipeline, _ = side_by_side(
        tmp_path / "store",
        Trainer(0, lambda recipe: 0.5),
        Board(0, lambda count: 1.0, False),
        {"latency": small, "fom": other},
    )
    assert search_pipeline.run(12, time.monotonic() + 60) == 6
    err = capsys.readouterr().err
    assert err.count("latency: every recipe of this space is known") == 1
    assert err.count("fom: every recipe of this space is known") == 1


def test_what_the_latency_study_gates_the_energy_study_trains_on_the_same_timing(tmp_path, capsys):
    """The second structure is slower than the lead, and takes less power by more than that."""
    trainer, board = Trainer(0, lambda recipe: 0.8), Board(0, lambda count: 1.0 if count < 2 else 1.5, True)
    board.power_w = lambda count: 2.7 if count < 2 else 0.9
    search_pipeline, store = side_by_side(tmp_path / "store", trainer, board, {"latency": TABLE, "energy": TABLE})
    latency, energy = (replace(GOAL, objective=name).id for name in ("latency", "energy"))
    # The first by the latency study, which then gates the second one before the energy study has its turn.
    search_pipeline.studies = [search_pipeline.studies[0], search_pipeline.studies[0], search_pipeline.studies[1]]
    first, second = (recipe_of(values).id for values in shapes.values(TABLE)[:2])
    assert search_pipeline.run(3, time.monotonic() + 60) == 3
    assert [record.state for record in store.trials(latency)] == [COMPLETE, GATED]
    assert [(record.recipe_id, record.state) for record in store.trials(energy)] == [(second, COMPLETE)]
    assert trainer.trained == [first, second]
    assert len(board.measured) == len(set(board.measured)) == 2


def test_who_comes_near_another_study_s_lead_is_raced_too(tmp_path):
    """As fast as the first, and too inaccurate for the FoM's lead."""
    first, second = (recipe_of(values).id for values in shapes.values(TABLE)[:2])
    trainer = Trainer(0, lambda recipe: 0.95 if recipe.id == first else 0.75)
    board = Board(0, lambda count: 1.0, True)
    board.processes = 1
    search_pipeline, _ = side_by_side(tmp_path / "both", trainer, board, {"fom": TABLE, "latency": TABLE})
    # The FoM study asks for both.
    search_pipeline.studies = [search_pipeline.studies[0], search_pipeline.studies[0], search_pipeline.studies[1]]
    search_pipeline.run(2, time.monotonic() + 60)
    assert trainer.trained == [first, second]
    assert board.measured.count(first) == board.measured.count(second) == 1
    alone = Board(0, lambda count: 1.0, True)
    alone.processes = 1
    search_pipeline, _ = side_by_side(tmp_path / "alone", trainer, alone, {"fom": TABLE})
    search_pipeline.run(2, time.monotonic() + 60)
    assert (alone.measured.count(first), alone.measured.count(second)) == (1, 0)


def test_where_there_are_several_studies_each_trial_s_line_names_its_own(tmp_path, capsys):
    trainer, board = Trainer(0, lambda recipe: 0.8), Board(0, lambda count: 1.0 if count < 3 else 2.0, True)
    search_pipeline, _ = side_by_side(tmp_path / "store", trainer, board, {"latency": TABLE, "energy": TABLE})
    search_pipeline.run(4, time.monotonic() + 60)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].split()[0] for line in lines] == ["latency", "energy"] * 2
    alone, _ = pipeline(tmp_path / "alone", trainer, Board(0, lambda count: 1.0, True))
    alone.run(1, time.monotonic() + 60)
    assert capsys.readouterr().out.startswith("trial   0  ")


def test_a_structure_is_timed_before_it_is_trained_and_what_could_not_win_is_not_trained(tmp_path):
    # The second is the fastest, and leads; what comes after is slower, however accurate it would be.
    trainer, board = (
        Trainer(0, lambda recipe: 0.8),
        Board(0, lambda count: 1.0 if count < 2 else 0.5 if count == 2 else 2.0, True),
    )
    search_pipeline, store = pipeline(tmp_path / "store", trainer, board)
    assert search_pipeline.run(5, time.monotonic() + 60) == 5
    assert [record.state for record in store.trials(GOAL.id)] == [COMPLETE, COMPLETE, GATED, GATED, GATED]
    assert len(trainer.trained) == 2
    assert len(board.measured) == 5


def test_what_a_trial_waits_for_has_a_name(tmp_path):
    """The first is trained, and as it was timed by one process only, it is raced; the second is too slow to be."""
    board = Board(0, lambda count: 1.0 if count < 3 else 5.0, True)
    board.processes = 1
    search_pipeline, _ = pipeline(tmp_path / "store", Trainer(0, lambda recipe: 0.8), board)
    stages: list[tuple[int, Stage]] = []
    advance = search_pipeline._advance

    def noting(flight):
        ended = advance(flight)
        if not ended:
            stages.append((flight.asked.number, flight.waiting.stage))
        return ended

    search_pipeline._advance = noting
    search_pipeline.run(2, time.monotonic() + HANG_S)
    first = [Stage.DRAFTING, Stage.TIMING, Stage.TRAINING, Stage.RACING, Stage.ITS_TURN]
    assert stages == [(0, stage) for stage in first] + [
        (1, stage) for stage in (Stage.DRAFTING, Stage.TIMING, Stage.ITS_TURN)
    ]


def test_on_one_machine_trainer_and_board_take_turns(tmp_path):
    trainer, board = Trainer(0.03, lambda recipe: 0.5), Board(0.03, lambda count: 1.0, True)
    search_pipeline, _ = pipeline(tmp_path / "store", trainer, board)
    assert search_pipeline.run(6, time.monotonic() + HANG_S) == 6
    assert len(trainer.spans) == len(board.spans) == 6
    spans = sorted([*trainer.spans, *board.spans])
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


def test_with_a_separate_board_others_are_measured_while_one_is_trained(tmp_path):
    trainer, board = Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False)
    # The pipeline has three recipes on their way: the one that is trained, and two more.
    trainer.work = lambda: until(lambda: len(board.measured) >= 3)
    search_pipeline, _ = pipeline(tmp_path / "store", trainer, board)
    assert search_pipeline.run(6, time.monotonic() + HANG_S) == 6


def test_with_a_separate_board_others_are_trained_while_one_is_measured(tmp_path):
    trainer, board = Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False)
    # The third is not done before the two that were measured before it are trained.
    board.work = lambda: until(lambda: len(board.measured) != 2 or len(trainer.trained) >= 2)
    search_pipeline, _ = pipeline(tmp_path / "store", trainer, board)
    assert search_pipeline.run(6, time.monotonic() + HANG_S) == 6


def test_trials_that_need_no_board_leave_room_for_others_that_do(tmp_path):
    away, _ = pipeline(tmp_path / "away", Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False))
    here, _ = pipeline(tmp_path / "here", Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, True))
    known, new = SimpleNamespace(known=True), SimpleNamespace(known=False)
    assert [away._room(flights) for flights in ([new] * 3, [known, new, new], [known] * 9)] == [3, 4, 9]
    assert here._room([known]) == 1


def test_each_builder_has_a_trial_of_its_own_and_one_waits(tmp_path):
    board = Board(0, lambda count: 1.0, False)
    search_pipeline, _ = pipeline(tmp_path / "away", Trainer(0, lambda recipe: 0.5, builders=6), board)
    new = SimpleNamespace(known=False)
    assert search_pipeline._room([new] * 3) == 6 + 1 + 1
    here, _ = pipeline(tmp_path / "here", Trainer(0, lambda recipe: 0.5, builders=6), Board(0, lambda count: 1.0, True))
    assert here._room([new]) == 1


def test_several_builders_train_at_once(tmp_path, capsys):
    trainer, together = Trainer(0, lambda recipe: 0.5, builders=3), threading.Barrier(3)
    trainer.work = lambda: together.wait(HANG_S)
    search_pipeline, _ = pipeline(tmp_path / "store", trainer, Board(0, lambda count: 1.0, False))
    assert search_pipeline.run(6, time.monotonic() + HANG_S) == 6


def test_what_is_on_its_way_is_shared_out_among_the_builders():
    begun = time.monotonic()
    flights = [SimpleNamespace(begun=begun, asked=SimpleNamespace(seconds=seconds)) for seconds in (100.0, 40.0, 30.0)]

    def asked_for_s(flight):
        return flight.asked.seconds

    # One after the other; the second builder is free after 70 s; the third at once after 30 s; a fourth is now.
    assert [round(_queued_s(flights, places, asked_for_s)) for places in (1, 2, 3, 4)] == [170, 70, 30, 0]
    assert _queued_s([], 3, asked_for_s) == 0


class InOrder:
    """Lets the trainings that are at work end in an order of its own."""

    def __init__(self, place: int) -> None:
        self._place, self._change = place, threading.Condition()
        self._at_work: list[object] = []

    def __call__(self) -> None:
        mine = object()
        with self._change:
            self._at_work.append(mine)
            self._change.notify_all()
            # Others come only while there is room for them.
            self._change.wait_for(lambda: len(self._at_work) > 1, timeout=0.1)
            self._change.wait_for(lambda: self._at_work[self._place % len(self._at_work)] is mine, timeout=HANG_S)
        time.sleep(0.02)
        with self._change:
            self._at_work.remove(mine)
            self._change.notify_all()


@pytest.mark.parametrize("sampler", ["model", "random"])
def test_with_several_builders_the_same_recipes_are_asked_for_whatever_is_done_first(tmp_path, sampler):
    """The last of them first, and the first of them; which one leads, and what is gated, is the same."""
    asked = []
    for place in (0, -1):
        trainer = Trainer(0, lambda recipe: 0.72 + 0.1 * sum(recipe.widths) / 8000, builders=3)
        trainer.work = InOrder(place)
        board = Board(0, lambda count: 0.0, False)
        board.latency_of = lambda name: 0.5 + int(name[:4], 16) / 2**16
        search_pipeline, store = pipeline(tmp_path / f"{place}", trainer, board, sampler)
        assert search_pipeline.run(14, time.monotonic() + HANG_S) == 14
        asked.append(([(trial.recipe_id, trial.state) for trial in store.trials(GOAL.id)], trainer.trained))
    assert asked[0][0] == asked[1][0]
    assert {state for _, state in asked[0][0]} == {COMPLETE, GATED}
    # The trials did end in another order.
    assert sorted(asked[0][1]) == sorted(asked[1][1])
    assert asked[0][1] != asked[1][1]


def by_workers(folder, place, recorded=(), **trainer):
    """Fourteen trials of orders that end in an order of their own; `recorded`: those of the run that is replayed."""
    made_by = Trainer(0, lambda recipe: 0.72 + 0.1 * sum(recipe.widths) / 8000, **trainer)
    made_by.work, made_by.alike = InOrder(place), bool(recorded)
    board = Board(0, lambda count: 0.0, False)
    board.device = SimpleNamespace(recorded=False, trials=tuple(recorded))
    board.latency_of = lambda name: 0.5 + int(name[:4], 16) / 2**16
    search_pipeline, store = pipeline(folder, made_by, board, "model")
    assert search_pipeline.run(14, time.monotonic() + HANG_S) == 14
    return store, [(trial.recipe_id, trial.state) for trial in store.trials(GOAL.id)]


def test_a_replay_asks_and_tells_in_the_order_in_which_workers_were_asked_and_told(tmp_path):
    """Whichever of its builders is done first, and however many there are."""
    recorded, asked = by_workers(tmp_path / "recorded", -1, builders=3)
    order = recorded.order_of_trials([GOAL.id])
    for name, place, builders in (("first", 0, 3), ("fewer", 0, 1)):
        again, replayed = by_workers(tmp_path / name, place, order, builders=builders)
        assert replayed == asked
        assert again.order_of_trials([GOAL.id]) == order
    assert {state for _, state in asked} == {COMPLETE, GATED}


def test_whoever_is_done_leaves_its_worker_to_another_one_whatever_is_on_its_way(tmp_path):
    """The first is trained until all others are told, and there are more of them than there is room for."""
    trainer, others = Trainer(0, lambda recipe: 0.5, builders=3), 12
    trainer.alike = False
    search_pipeline, store = pipeline(tmp_path / "store", trainer, Board(0, lambda count: 1.0, False))
    first, train = recipe_of(shapes.values(TABLE)[0]).id, trainer._train

    def train_in_turn(recipe):
        if recipe.id == first:
            until(lambda: sum(trial.ended_at is not None for trial in store.trials(GOAL.id)) >= others)
        return train(recipe)

    trainer._train = train_in_turn
    assert search_pipeline.run(others + 1, time.monotonic() + HANG_S) == others + 1


@pytest.mark.parametrize("early", [True, False])
def test_who_is_trained_before_its_turn_leads_nobody_yet(tmp_path, early):
    """The fourth network is the fastest by far; the fifth is asked for once the first was told, and would be gated."""
    trainer, board = Trainer(0, lambda recipe: 0.8, builders=2), Board(0, lambda count: 0.0, False)
    # Here they wait for one another in any order.
    trainer._pool = ThreadPoolExecutor(5)
    fastest = recipe_of(shapes.values(TABLE)[3])
    board.latency_of = lambda name: 0.5 if name in (fastest.id, fastest.structure_id) else 2.0
    train = trainer._train

    def train_in_turn(recipe):
        if recipe.id == fastest.id and not early:
            until(lambda: len(board.measured) >= 5)
        if recipe.id != fastest.id and early:
            until(lambda: fastest.id in trainer.trained)
            # Until it is known in the main thread, too.
            time.sleep(0.1)
        return train(recipe)

    trainer._train = train_in_turn
    search_pipeline, store = pipeline(tmp_path / "store", trainer, board)
    search_pipeline.run(5, time.monotonic() + HANG_S)
    records = store.trials(GOAL.id)
    assert {record.state for record in records} == {COMPLETE}
    assert records[3].recipe_id == fastest.id
    assert records[4].begun_at < records[3].ended_at


def test_a_lost_device_is_no_recipe_s_fault_and_ends_the_run(tmp_path):
    trainer = Trainer(0, lambda recipe: 0.5, builders=2)
    search_pipeline, store = pipeline(tmp_path / "store", trainer, Board(0, lambda count: 1.0, False))

    def losing(recipe):
        raise DeviceLostError("cuda (a card) is lost")

    trainer._train = losing
    with pytest.raises(DeviceLostError, match=r"a card.*dmesg") as error:
        search_pipeline.run(6, time.monotonic() + HANG_S)
    assert status_of(error.value) == RIG
    # The recipes are asked for first by the next run.
    assert {record.state for record in store.trials(GOAL.id)} == {"interrupted"}
    assert store.failures(GOAL.baseline_id, GOAL.bench_id) == {}


def test_what_fails_ends_in_its_turn(tmp_path):
    trainer, failed = Trainer(0, lambda recipe: 0.5, builders=2), threading.Event()
    search_pipeline, store = pipeline(tmp_path / "store", trainer, Board(0, lambda count: 1.0, False))
    first, second = (recipe_of(values).id for values in shapes.values(TABLE)[:2])
    train = trainer._train

    def failing(recipe):
        if recipe.id == second:
            failed.set()
            raise CandidateError("cannot be built")
        assert failed.wait(HANG_S)
        return train(recipe)

    trainer._train = failing
    assert search_pipeline.run(2, time.monotonic() + HANG_S) == 2
    records = store.trials(GOAL.id)
    assert [(record.recipe_id, record.state) for record in records] == [(first, COMPLETE), (second, FAILED)]
    assert store.failures(GOAL.baseline_id, GOAL.bench_id) == {second: "cannot be built"}
    assert records[0].ended_at < records[1].ended_at


def test_trials_end_in_the_order_in_which_they_were_asked_for(tmp_path):
    trainer = Trainer(0, lambda recipe: 0.8)
    board = Board(0, lambda count: 1.0 if count == 1 else 0.5 if count < 4 else 2.0, False)
    # The second is still trained when the fourth, too slow to be trained, could have ended.
    trainer.work = lambda: until(lambda: len(trainer.trained) != 1 or len(board.measured) >= 4)
    search_pipeline, store = pipeline(tmp_path / "store", trainer, board)
    search_pipeline.run(8, time.monotonic() + HANG_S)
    records = store.trials(GOAL.id)
    assert [record.state for record in records[:4]] == [COMPLETE, COMPLETE, COMPLETE, GATED]
    ended = [record.ended_at for record in records]
    assert ended == sorted(ended)


def test_what_is_in_flight_at_an_interruption_is_given_up(tmp_path):
    trainer, over = Trainer(0, lambda recipe: 0.5), threading.Event()
    trainer.work = lambda: over.wait(HANG_S)
    search_pipeline, store = pipeline(tmp_path / "store", trainer, Board(0, lambda count: 1.0, False))
    search_pipeline._advance = lambda flight, whole=search_pipeline._advance: (
        _interrupted() if search_pipeline.work.measuring.seconds else whole(flight)
    )
    try:
        with pytest.raises(KeyboardInterrupt):
            search_pipeline.run(8, time.monotonic() + HANG_S)
    finally:
        over.set()
    assert {record.state for record in store.trials(GOAL.id)} == {"interrupted"}


def _interrupted():
    raise KeyboardInterrupt


def test_when_the_reference_has_moved_the_leader_and_who_was_gated_within_reach_are_timed_again(tmp_path, capsys):
    """In a slow hour the reference takes 15 ms instead of 10, the leader as well half as long again; one that was gated
    kept its speed, and leads now."""
    latencies_ms = {1: 1.0, 2: 1.2, 3: 5.0, 4: 1.5, 5: 1.2}
    board = Board(0, lambda count: latencies_ms.get(count, 5.0), True)
    board.reference_ms = lambda count: 10.0 if count < 3 else 15.0
    trainer = Trainer(0, lambda recipe: 0.8)
    search_pipeline, store = pipeline(tmp_path / "store", trainer, board)
    first = _with_file(trainer, tmp_path / "store")
    search_pipeline.run(5, time.monotonic() + HANG_S)
    states = [trial.state for trial in store.trials(GOAL.id)]
    assert states == [COMPLETE, GATED, GATED, GATED, COMPLETE]
    recipes = [trial.recipe_id for trial in store.trials(GOAL.id)]
    assert recipes[4] == recipes[1]
    assert trainer.trained == [recipes[0], recipes[1]]
    assert board.measured[3] == first[0]
    assert "the reference takes 15.0 ms now, and took 10.0 ms beside" in capsys.readouterr().err


@pytest.mark.parametrize("failing", [4, 5])
def test_a_leader_or_gated_one_that_cannot_be_timed_again_is_no_fault_of_whose_turn_it_is(tmp_path, capsys, failing):
    """The recipe that was asked for meanwhile was written down as failed, for good."""
    latencies_ms = {1: 1.0, 2: 1.2, 3: 5.0, 4: 1.5, 5: 1.2}
    board = Board(0, lambda count: latencies_ms.get(count, 5.0), True)
    board.reference_ms = lambda count: 10.0 if count < 3 else 15.0
    measure = board._measure

    def faltering(subject):
        if len(board.measured) == failing - 1:
            board.measured.append(subject.name)
            raise CandidateError("the device failed on it 3 times, on the reference never")
        return measure(subject)

    board._measure = faltering
    trainer = Trainer(0, lambda recipe: 0.8)
    search_pipeline, store = pipeline(tmp_path / "store", trainer, board)
    _with_file(trainer, tmp_path / "store")
    search_pipeline.run(4, time.monotonic() + HANG_S)
    assert FAILED not in [trial.state for trial in store.trials(GOAL.id)]
    assert store.failures(GOAL.baseline_id, GOAL.bench_id) == {}
    assert "could not be timed again: the device failed on it 3 times" in capsys.readouterr().err


def test_clean_figures_are_not_replaced_by_those_of_a_disturbed_race(tmp_path):
    """Whoever came near the lead, and was raced beside other load, led no more."""
    board = Board(0, lambda count: 1.0, True)
    board.processes = 1
    measure = board._measure

    def disturbed(subject):
        measured = measure(subject)
        if len(board.measured) != 2:
            return measured
        return replace(measured, figures=replace(measured.figures, dirty=("others used 1.9 cores",)))

    board._measure = disturbed
    search_pipeline, store = pipeline(tmp_path / "store", Trainer(0, lambda recipe: 0.8), board)
    search_pipeline.run(1, time.monotonic() + HANG_S)
    (trial,) = store.trials(GOAL.id)
    assert len(board.measured) == 2
    assert not store.evaluation(trial.recipe_id, GOAL).current.dirty


def test_while_the_reference_stays_nobody_is_timed_again(tmp_path):
    board = Board(0, lambda count: 1.0 if count == 1 else 5.0, True)
    board.reference_ms = lambda count: 10.0 + 0.01 * count
    trainer = Trainer(0, lambda recipe: 0.8)
    search_pipeline, _ = pipeline(tmp_path / "store", trainer, board)
    _with_file(trainer, tmp_path / "store")
    search_pipeline.run(4, time.monotonic() + HANG_S)
    assert len(board.measured) == 4


def _with_file(trainer: Trainer, folder: Path) -> list[str]:
    """What is trained leaves a file; the recipes of which there is one."""
    recipe_ids: list[str] = []
    train = trainer._train

    def with_file(recipe) -> Built:
        built = train(recipe)
        path = folder / "candidates" / f"{recipe.id}.onnx"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        recipe_ids.append(recipe.id)
        return Built(replace(built.candidate, file=path, sha256=sha256(path)), built.validation)

    trainer._train = with_file
    return recipe_ids
