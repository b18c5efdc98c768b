"""Again: what earlier runs timed only while others wanted the cores, to be measured once more."""

from collections.abc import Iterable

from search.results.standings import standings
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store


def timed_dirty(store: Store, goals: Iterable[Goal]) -> list[Evaluation]:
    """One evaluation of each structure: of a grid all its rows, of a search that nothing leads those that could."""
    found: dict[str, Evaluation] = {}
    for goal in goals:
        now = standings(store, goal)
        for one in now.ranked:
            wanted = goal.grid or (now.best is None and now.row(one).feasible and not one.gated)
            if wanted and one.figures.dirty:
                found.setdefault(one.candidate.recipe.structure_id, one)
    return list(found.values())
