"""Order and overlap of a run's steps; trainer and board are simulated by the time they take, all else is real."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.storages import RDBStorage

from evaluators.evaluate import Measured
from search.building import Built, draft
from search.ladder import ladder
from search.model_sampler import ModelSampler
from search.objectives import OBJECTIVES
from search.pipeline import Pipeline
from search.samplers import DistinctSampler
from search.store import COMPLETE, GATED
from search.study import Study
from search.view import View
from space.dimensions import dimensions
from tests.search.made_up import GOAL, evaluation, figures, store_with

TABLE = dimensions("full", 2)
# Longer than any step takes: a test whose steps wait for one another in vain fails, it does not hang.
HANG_S = 60


class Trainer:
    """What is built takes so long; an outline takes nothing."""

    def __init__(self, seconds: float, share: Callable[[object], float]) -> None:
        self._pool, self._seconds, self._share = ThreadPoolExecutor(1), seconds, share
        self.trained: list[str] = []
        # When each training began and ended.
        self.spans: list[tuple[float, float]] = []

    def submit(self, task, recipe, folder, *rest):
        return self._pool.submit(self._draft if task is draft else self._train, recipe, folder)

    def _draft(self, recipe, folder: Path) -> Path:
        return folder / f"{recipe.structure_id}.onnx"

    def _train(self, recipe, folder: Path) -> Built:
        begun = time.monotonic()
        self.work()
        self.spans.append((begun, time.monotonic()))
        self.trained.append(recipe.id)
        one = evaluation(made=recipe, share=self._share(recipe))
        return Built(one.candidate, one.validation)

    def work(self) -> None:
        time.sleep(self._seconds)


class Board:
    boards, least_w, device = 1, 1.9, SimpleNamespace(recorded=False)

    def __init__(self, seconds: float, latency_ms: Callable[[int], float], here: bool) -> None:
        self._pool, self._seconds, self._latency_ms = ThreadPoolExecutor(1), seconds, latency_ms
        self.on_this_machine = here
        self.bench = SimpleNamespace(id=GOAL.bench_id)
        self.measured: list[str] = []
        # When each measurement began and ended.
        self.spans: list[tuple[float, float]] = []

    def measure(self, subject, race, progress, earlier=()):
        return self._pool.submit(self._measure, subject)

    def _measure(self, subject) -> Measured:
        begun = time.monotonic()
        self.work()
        self.spans.append((begun, time.monotonic()))
        self.measured.append(subject.name)
        return Measured(figures(self._latency_ms(len(self.measured))), ())

    def work(self) -> None:
        time.sleep(self._seconds)


def until(reached: Callable[[], bool]) -> None:
    """Other threads bring it about."""
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


def pipeline(folder, trainer, board, sampler="random", **seen):
    store = store_with(folder, list(seen.get("before", [])))
    known: set[str] = set()
    chosen = (
        ModelSampler(0, TABLE, known, OBJECTIVES[GOAL.objective], GOAL.least_accuracy)
        if sampler == "model"
        else DistinctSampler(sampler, 0, TABLE, known)
    )
    study = Study(GOAL, store, RDBStorage(store.url), TABLE, known, sampler=chosen, first=ladder(TABLE))
    study.resume()
    made = Pipeline([study], store, board, trainer, Trainer(0, trainer._share), None, None, None, View(0))
    return made, store


def test_a_structure_is_timed_before_it_is_trained_and_what_could_not_win_is_not_trained(tmp_path):
    # The second is the fastest, and leads; what comes after is slower, however accurate it would be.
    trainer, board = (
        Trainer(0, lambda recipe: 0.8),
        Board(0, lambda count: 1.0 if count < 2 else 0.5 if count == 2 else 2.0, True),
    )
    made, store = pipeline(tmp_path / "store", trainer, board)
    assert made.run(5, time.monotonic() + 60) == 5
    assert [record.state for record in store.trials(GOAL.id)] == [COMPLETE, COMPLETE, GATED, GATED, GATED]
    assert len(trainer.trained) == 2
    assert len(board.measured) == 5


def test_on_one_machine_trainer_and_board_take_turns(tmp_path):
    trainer, board = Trainer(0.03, lambda recipe: 0.5), Board(0.03, lambda count: 1.0, True)
    made, _ = pipeline(tmp_path / "store", trainer, board)
    assert made.run(6, time.monotonic() + HANG_S) == 6
    assert len(trainer.spans) == len(board.spans) == 6
    spans = sorted([*trainer.spans, *board.spans])
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


def test_with_a_separate_board_others_are_measured_while_one_is_trained(tmp_path):
    trainer, board = Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False)
    # As many as there is room for: the one that is trained, and two more.
    trainer.work = lambda: until(lambda: len(board.measured) >= 3)
    made, _ = pipeline(tmp_path / "store", trainer, board)
    assert made.run(6, time.monotonic() + HANG_S) == 6


def test_with_a_separate_board_others_are_trained_while_one_is_measured(tmp_path):
    trainer, board = Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False)
    # The third is not done before the two that were measured before it are trained.
    board.work = lambda: until(lambda: len(board.measured) != 2 or len(trainer.trained) >= 2)
    made, _ = pipeline(tmp_path / "store", trainer, board)
    assert made.run(6, time.monotonic() + HANG_S) == 6


def test_trials_that_need_no_board_leave_room_for_others_that_do(tmp_path):
    away, _ = pipeline(tmp_path / "away", Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False))
    here, _ = pipeline(tmp_path / "here", Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, True))
    known, new = SimpleNamespace(known=True), SimpleNamespace(known=False)
    assert [away._room(flights) for flights in ([new] * 3, [known, new, new], [known] * 9)] == [3, 4, 9]
    assert here._room([known]) == 1


def test_trials_end_in_the_order_in_which_they_were_asked_for(tmp_path):
    trainer = Trainer(0, lambda recipe: 0.8)
    board = Board(0, lambda count: 1.0 if count == 1 else 0.5 if count < 4 else 2.0, False)
    # The second is still trained when the fourth, too slow to be trained, could have ended.
    trainer.work = lambda: until(lambda: len(trainer.trained) != 1 or len(board.measured) >= 4)
    made, store = pipeline(tmp_path / "store", trainer, board)
    made.run(8, time.monotonic() + HANG_S)
    records = store.trials(GOAL.id)
    assert [record.state for record in records[:4]] == [COMPLETE, COMPLETE, COMPLETE, GATED]
    ended = [record.ended_at for record in records]
    assert ended == sorted(ended)


def test_what_is_in_flight_at_an_interruption_is_given_up(tmp_path):
    trainer, over = Trainer(0, lambda recipe: 0.5), threading.Event()
    trainer.work = lambda: over.wait(HANG_S)
    made, store = pipeline(tmp_path / "store", trainer, Board(0, lambda count: 1.0, False))
    made._advance = lambda flight, whole=made._advance: _interrupted() if made.measuring.seconds else whole(flight)
    try:
        with pytest.raises(KeyboardInterrupt):
            made.run(8, time.monotonic() + HANG_S)
    finally:
        over.set()
    assert {record.state for record in store.trials(GOAL.id)} == {"interrupted"}


def _interrupted():
    raise KeyboardInterrupt
