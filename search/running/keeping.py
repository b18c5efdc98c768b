"""Keeping: files of candidates that can no longer win may go; recipe, figures, history and trained weights stay."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from search.results.front import front
from search.results.standings import standings
from search.running.confirmation import MOST
from search.scoring.ranking import networks
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import RUNNING
from space.errors import RequestError


def clear(store: Store) -> int:
    """Removes the files that no study of the store may want; how many. Manifest and weights beside them stay."""
    goals = store.studies()
    wanted = {path for goal in goals for path in _wanted(store, goal)}
    pools = {(goal.baseline_id, goal.bench_id) for goal in goals}
    files = {built.candidate.file for pool in pools for built in store.evaluations(*pool).values()}
    gone = 0
    for path in files - wanted:
        with suppress(FileNotFoundError):
            path.unlink()
            gone += 1
    return gone


def _wanted(store: Store, goal: Goal) -> Iterator[Path]:
    """The front, what was confirmed, what `confirm` may walk down to, the reference, and what is on its way."""
    evaluations = store.evaluations(goal.baseline_id, goal.bench_id)
    recipe_ids = {trial.recipe_id for trial in store.trials(goal.id) if trial.state == RUNNING}
    # Without a reference nothing can be ranked yet.
    with suppress(RequestError):
        ranking = standings(store, goal)
        rows = ranking.rows[:-1]
        candidates = [*ranking.ranked[: ranking.leaders], *ranking.waiting]
        recipe_ids |= {row.recipe_id for row in (*front(rows), *front(rows, ranking.objective))}
        recipe_ids |= {able.recipe_id for able in networks(candidates, ranking.objective)[:MOST]}
        recipe_ids |= {confirmed.recipe_id for confirmed in ranking.ranked if confirmed.confirmation}
        # The unpruned network at other settings may be the next reference.
        unpruned = ranking.baseline.network_id
        recipe_ids |= {recipe_id for recipe_id, built in evaluations.items() if built.network_id == unpruned}
    yield from (evaluations[recipe_id].candidate.file for recipe_id in recipe_ids & evaluations.keys())
