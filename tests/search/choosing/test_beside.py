"""Two controllers of a study on a real PostgreSQL, taken through moments at which one of them lost or doubled work."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial

from search.choosing.study import Study
from search.choosing.trial_notes import IMPORTED, RECIPE
from search.scoring.objectives import Score
from search.store.evaluation import Evaluation
from search.store.store import Store
from search.store.trials import GATED
from search.store.writing import writing
from space.dimensions import recipe_of
from space.recipe import Recipe
from tests import shapes
from tests.search.made_up import GOAL, evaluation, figures, keep, statements
from tests.search.running.controller import study_of, with_baseline
from tests.search.running.test_pipeline import TABLE
from tests.search.store.postgres import served

# What every controller asks for first, in this order.
FIRST: list[Recipe] = [recipe_of(values) for values in shapes.values(TABLE)]


@dataclass
class Two:
    """The study of one, and another one, which ends with `gone`."""

    store: Store
    study: Study
    other: Store
    gone: ExitStack


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with served() as url, writing(tmp_path / "first", url) as store, ExitStack() as gone:
        with_baseline(store)
        other = gone.enter_context(writing(tmp_path / "other", url))
        study = study_of(store)
        study.resume()
        yield Two(store, study, other, gone)


def test_what_was_not_taken_in_as_the_server_went_away_is_taken_in_once_it_is_back(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = evaluation(made=FIRST[3])
    keep(two.other, one)
    whole = two.study._score

    def cut_off(of: Evaluation) -> Score:
        monkeypatch.setattr(two.study, "_score", whole)
        with statements(two.other) as execute:
            execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()", {})
        return whole(of)

    monkeypatch.setattr(two.study, "_score", cut_off)
    two.study.ask()
    imported = [trial.user_attrs[RECIPE] for trial in two.study._optuna.trials() if IMPORTED in trial.user_attrs]
    assert imported.count(one.recipe_id) == 1


def test_what_is_evaluated_while_another_one_has_the_turn_is_not_asked_for(two: Two) -> None:
    keep(two.other, evaluation(made=FIRST[0]))
    with two.other.turn(GOAL.id):
        assert two.study.ask().recipe == FIRST[1]


def test_what_is_asked_first_stays_so_where_another_one_timed_its_structure_meanwhile(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = two.study._optuna.begin

    def begin(owner: str) -> FrozenTrial:
        two.other.add_structure(FIRST[0].structure_id, GOAL.bench_id, figures(4.0), "")
        return whole(owner)

    monkeypatch.setattr(two.study._optuna, "begin", begin)
    assert two.study.ask().recipe == FIRST[0]


def test_what_one_gated_that_was_killed_before_it_noted_so_is_not_asked_for(two: Two) -> None:
    of_other = study_of(two.other)
    of_other.resume()
    gated = of_other.ask()
    of_other._ended = lambda *words: None  # type: ignore[method-assign]
    of_other.tell_gated(gated.number, figures(4.0), "it could not lead")
    two.gone.close()
    assert two.study.ask().recipe == FIRST[1]
    states = {record.number: record.state for record in two.store.trials(GOAL.id)}
    assert states[gated.number] == GATED
