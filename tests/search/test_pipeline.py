"""Order and overlap of a run's steps; trainer and board are simulated by the time they take, all else is real."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


class Trainer:
    """What is built takes so long; an outline takes nothing."""

    def __init__(self, seconds: float, share: Callable[[object], float]) -> None:
        self._pool, self._seconds, self._share = ThreadPoolExecutor(1), seconds, share
        self.trained: list[str] = []

    def submit(self, task, recipe, folder, *rest):
        return self._pool.submit(self._draft if task is draft else self._train, recipe, folder)

    def _draft(self, recipe, folder: Path) -> Path:
        return folder / f"{recipe.structure_id}.onnx"

    def _train(self, recipe, folder: Path) -> Built:
        time.sleep(self._seconds)
        self.trained.append(recipe.id)
        one = evaluation(made=recipe, share=self._share(recipe))
        return Built(one.candidate, one.validation)


class Board:
    boards, least_w, device = 1, 1.9, SimpleNamespace(recorded=False)

    def __init__(self, seconds: float, latency_ms: Callable[[int], float], here: bool) -> None:
        self._pool, self._seconds, self._latency_ms = ThreadPoolExecutor(1), seconds, latency_ms
        self.on_this_machine = here
        self.bench = SimpleNamespace(id=GOAL.bench_id)
        self.measured: list[str] = []

    def measure(self, subject, race, progress, earlier=()):
        return self._pool.submit(self._measure, subject)

    def _measure(self, subject) -> Measured:
        time.sleep(self._seconds)
        self.measured.append(subject.name)
        return Measured(figures(self._latency_ms(len(self.measured))), ())


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
    made, _ = pipeline(tmp_path / "store", Trainer(0.05, lambda recipe: 0.5), Board(0.05, lambda count: 1.0, True))
    begun = time.monotonic()
    made.run(6, begun + 60)
    assert made.training.seconds + made.measuring.seconds < time.monotonic() - begun


@pytest.mark.parametrize(("training_s", "measuring_s"), [(0.3, 0.15), (0.15, 0.3)])
def test_with_a_separate_board_the_slower_of_the_two_hardly_ever_waits(tmp_path, training_s, measuring_s):
    made, _ = pipeline(
        tmp_path / "store", Trainer(training_s, lambda recipe: 0.5), Board(measuring_s, lambda count: 1.0, False)
    )
    begun = time.monotonic()
    assert made.run(16, begun + 60) == 16
    busy = max(made.training.seconds, made.measuring.seconds)
    assert busy > 0.8 * (time.monotonic() - begun)


def test_trials_that_need_no_board_leave_room_for_others_that_do(tmp_path):
    away, _ = pipeline(tmp_path / "away", Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, False))
    here, _ = pipeline(tmp_path / "here", Trainer(0, lambda recipe: 0.5), Board(0, lambda count: 1.0, True))
    known, new = SimpleNamespace(known=True), SimpleNamespace(known=False)
    assert [away._room(flights) for flights in ([new] * 3, [known, new, new], [known] * 9)] == [3, 4, 9]
    assert here._room([known]) == 1


def test_trials_end_in_the_order_in_which_they_were_asked_for(tmp_path):
    slow = iter([0.3, *[0.0] * 20])
    board = Board(0, lambda count: 1.0, False)
    board._measure = lambda subject, whole=board._measure: (time.sleep(next(slow)), whole(subject))[1]
    made, store = pipeline(tmp_path / "store", Trainer(0, lambda recipe: 0.5), board)
    made.run(8, time.monotonic() + 60)
    ended = [record.ended_at for record in store.trials(GOAL.id)]
    assert ended == sorted(ended)


def test_what_is_in_flight_at_an_interruption_is_given_up(tmp_path):
    made, store = pipeline(tmp_path / "store", Trainer(5, lambda recipe: 0.5), Board(0, lambda count: 1.0, False))
    made._advance = lambda flight, whole=made._advance: _interrupted() if made.measuring.seconds else whole(flight)
    with pytest.raises(KeyboardInterrupt):
        made.run(8, time.monotonic() + 60)
    assert {record.state for record in store.trials(GOAL.id)} == {"interrupted"}


def _interrupted():
    raise KeyboardInterrupt
