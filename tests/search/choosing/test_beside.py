"""Two controllers of a study on a real PostgreSQL, taken through moments at which one of them lost or doubled work."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from optuna.trial import FrozenTrial
from sqlalchemy import NullPool, create_engine

from search.choosing.study import Study
from search.choosing.trial_notes import IMPORTED, RECIPE
from search.scoring.objectives import Score
from search.store.evaluation import Evaluation
from search.store.store import Store
from search.store.trials import COMPLETE, GATED, INTERRUPTED
from search.store.writing import writing
from space.dimensions import recipe_of
from space.recipe import Recipe
from tests import shapes
from tests.search.made_up import GOAL, evaluation, figures, keep, statements
from tests.search.running.controller import study_of, with_baseline
from tests.search.running.test_pipeline import TABLE
from tests.search.store.postgres import served
from tests.search.whole import optunas

# What every controller asks for first, in this order.
FIRST: list[Recipe] = [recipe_of(values) for values in shapes.values(TABLE)]


@dataclass
class Two:
    """The study of one, and another one, which ends with `gone`."""

    store: Store
    study: Study
    other: Store
    gone: ExitStack

    def _change_other(self, change: str) -> None:
        with statements(self.store) as execute:
            execute(f"UPDATE search_writers SET {change} WHERE owner = :owner", {"owner": self.other.owner})  # noqa: S608

    def other_is_killed(self) -> None:
        """The other is killed, as by kill -9: its process is known to have ended."""
        self._change_other("started = 'before'")

    def other_is_unheard(self) -> None:
        """The other is unheard, as one that stands still for longer than its lease lasts."""
        self._change_other("expires_at = -1")

    def other_is_heard(self) -> None:
        self._change_other("expires_at = 1e12")

    def states_of(self, recipe: Recipe) -> tuple[list[str], list[str]]:
        """The states of the recipe's trials, in Optuna's table and in ours."""
        trials = [trial for trial in optunas(self.store, GOAL.id) if trial.user_attrs.get(RECIPE) == recipe.id]
        records = [record for record in self.store.trials(GOAL.id) if record.recipe_id == recipe.id]
        return [trial.state.name.lower() for trial in trials], [record.state for record in records]


def once_after(monkeypatch: pytest.MonkeyPatch, of: object, name: str, then: Callable[[], object]) -> None:
    """What happens right after the method ended for the first time."""
    whole = getattr(of, name)

    def followed(*words: object) -> object:
        monkeypatch.setattr(of, name, whole)
        answer = whole(*words)
        then()
        return answer

    monkeypatch.setattr(of, name, followed)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server takes longer to begin than all else here."""
    with served() as url:
        yield url


@pytest.fixture
def two(tmp_path: Path, address: str) -> Iterator[Two]:
    name = f"study_{uuid4().hex}"
    with create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = f"{address.removesuffix('postgres')}{name}"
    with writing(tmp_path / "first", url) as store, ExitStack() as gone:
        with_baseline(store)
        other = gone.enter_context(writing(tmp_path / "other", url))
        study = study_of(store)
        study.resume()
        yield Two(store, study, other, gone)


def test_what_was_not_taken_in_as_the_server_went_away_is_taken_in_once_it_is_back(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = evaluation(made=FIRST[3])
    keep(two.other, result)
    whole = two.study._score

    def cut_off(of: Evaluation) -> Score:
        monkeypatch.setattr(two.study, "_score", whole)
        with statements(two.other) as execute:
            execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()", {})
        return whole(of)

    monkeypatch.setattr(two.study, "_score", cut_off)
    two.study.ask()
    imported = [trial.user_attrs[RECIPE] for trial in two.study._optuna.trials() if IMPORTED in trial.user_attrs]
    assert imported.count(result.recipe_id) == 1


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


def test_what_one_had_evaluated_that_was_killed_during_an_ask_is_told_once(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the ask looked for trials of nobody, and before it takes in evaluations that nobody has on their way."""
    of_other = study_of(two.other)
    of_other.resume()
    keep(two.other, evaluation(made=of_other.ask().recipe))
    once_after(monkeypatch, two.study._beside, "left_behind", two.other_is_killed)
    assert [two.study.ask().recipe for _ in range(2)] == FIRST[1:3]
    assert two.states_of(FIRST[0]) == (["complete"], [COMPLETE])


def test_what_one_had_evaluated_that_was_unheard_for_a_while_is_told_once(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_other = study_of(two.other)
    of_other.resume()
    asked, result = of_other.ask(), evaluation(made=FIRST[0])
    keep(two.other, result)
    once_after(monkeypatch, two.study._beside, "left_behind", two.other_is_unheard)
    two.study.ask()
    two.other_is_heard()
    of_other.tell(asked.number, result)
    assert two.states_of(FIRST[0]) == (["complete"], [COMPLETE])


def test_a_trial_is_ended_for_another_one_only_once_that_writes_no_more(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is heard again as those who are gone are removed, and then unheard for another while."""
    of_other = study_of(two.other)
    of_other.resume()
    asked, result = of_other.ask(), evaluation(made=FIRST[0])
    two.other_is_unheard()
    once_after(monkeypatch, two.study._beside, "left_behind", two.other_is_heard)
    once_after(monkeypatch, two.store, "remove_gone", two.other_is_unheard)
    once_after(monkeypatch, two.study, "_end_trials_that_optuna_ended", two.other_is_heard)
    assert two.study.ask().recipe != FIRST[0]
    keep(two.other, result)
    of_other.tell(asked.number, result)
    assert two.states_of(FIRST[0]) == (["complete"], [COMPLETE])


def test_what_one_told_that_then_ended_stays_told(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the other one read which trials are on their way, and before it looked whose they are."""
    of_other = study_of(two.other)
    of_other.resume()
    asked = of_other.ask()

    def tells_and_ends() -> None:
        of_other.tell_gated(asked.number, figures(4.0), "it could not lead")
        two.gone.close()

    two.other_is_unheard()
    once_after(monkeypatch, two.study._beside, "left_behind", two.other_is_heard)
    once_after(monkeypatch, two.store, "remove_gone", tells_and_ends)
    assert two.study.ask().recipe == FIRST[1]
    assert two.states_of(asked.recipe) == (["complete"], [GATED])


@pytest.mark.parametrize("removed", [False, True])
def test_a_recipe_is_asked_for_again_once_the_trial_of_one_that_was_killed_has_ended(
    two: Two, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    """Killed during the ask; `removed`: its claims went with it, as somebody else noticed."""
    of_other = study_of(two.other)
    of_other.resume()
    of_other.ask()
    keep(two.other, evaluation(made=of_other.ask().recipe))

    def killed() -> None:
        two.other_is_killed()
        if removed:
            two.store.remove_gone()

    once_after(monkeypatch, two.study._beside, "left_behind", killed)
    asked, result = two.study.ask(), evaluation(made=FIRST[0])
    assert asked.recipe == FIRST[0]
    keep(two.store, result)
    two.study.tell(asked.number, result)
    two.study.ask()
    assert two.states_of(FIRST[0]) == (["fail", "complete"], [INTERRUPTED, COMPLETE])
    assert two.states_of(FIRST[1]) == (["complete"], [COMPLETE])


def test_what_one_had_trained_that_was_killed_is_taken_in_although_another_one_gated_it(
    two: Two, tmp_path: Path
) -> None:
    of_other = study_of(two.other)
    of_other.resume()
    result, seen = evaluation(made=of_other.ask().recipe), two.other.last_change()
    two.other.keep_candidate(result.candidate, GOAL.baseline_id, result.validation, seen)
    two.other_is_killed()
    asked = two.study.ask()
    two.store.add_structure(asked.recipe.structure_id, GOAL.bench_id, figures(4.0), "")
    two.study.tell_gated(asked.number, figures(4.0), "it could not lead")
    again = Store.existing(tmp_path / "other", two.store.url)
    assert again.tell_pending() == 1
    two.study.ask()
    assert two.states_of(FIRST[0]) == (["fail", "complete", "complete"], [INTERRUPTED, GATED])
    (imported,) = [trial for trial in two.study._optuna.trials() if IMPORTED in trial.user_attrs]
    assert imported.user_attrs[RECIPE] == result.recipe_id


def test_what_one_takes_in_that_stood_still_and_lost_its_turn_is_taken_in_once(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_other = study_of(two.other)
    of_other.resume()
    keep(two.other, evaluation(made=FIRST[0]))
    whole = two.store.turn

    @contextmanager
    def turn(name: str, wait: bool = True) -> Iterator[Callable[[], None] | None]:
        with whole(name, wait) as still:
            assert still is not None

            def stands_still() -> None:
                """Its server gives it up right after it was found to be at work."""
                still()
                monkeypatch.setattr(two.store, "turn", whole)
                with statements(two.other) as execute:
                    execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'", {})
                assert of_other.ask().recipe == FIRST[1]

            yield stands_still

    monkeypatch.setattr(two.store, "turn", turn)
    two.study.ask()
    assert two.store.turn == whole
    assert two.states_of(FIRST[0]) == (["complete"], [])
