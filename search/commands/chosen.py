"""Chosen: which of the studies of a store a command means, by the settings that were named."""

from search.settings.settings import Settings
from search.store.goal import Goal, fixed_text
from search.store.store import Store
from space.errors import RequestError


def chosen_goals(store: Store, settings: Settings, asked: set[str]) -> list[Goal]:
    """The study used last among those that match what was asked for; one for each objective, where one was named."""
    matching = [goal for goal in store.studies() if _matches(goal, store, settings, asked)]
    if {"objective", "grid"} & asked:
        latest = ([goal for goal in matching if goal.objective == name][:1] for name in settings.objectives)
        goals = [goal for goals_of_one in latest for goal in goals_of_one]
    else:
        goals = matching[:1]
    if not goals:
        known = ", ".join(sorted({goal.id for goal in store.studies()})) or "none"
        raise RequestError(f"no such study in {store.folder} (there: {known}); `python -m search` begins one")
    return goals


def _matches(goal: Goal, store: Store, settings: Settings, asked: set[str]) -> bool:
    return (
        ("data" not in asked or settings.data in ("auto", goal.data))
        and ("architecture" not in asked or settings.architecture == goal.architecture)
        and ("space" not in asked or settings.space == goal.space)
        and ("fixed" not in asked or fixed_text(settings.fixed) == goal.fixed)
        and ("grid" not in asked or (settings.grid.to_json() if settings.grid else "") == goal.grid)
        and ("minimum_accuracy" not in asked or settings.minimum_accuracy == goal.minimum_accuracy)
        and ("margin" not in asked or goal.margin == round((settings.margin or 0.0) + _optimism(store, goal), 6))
    )


def _optimism(store: Store, goal: Goal) -> float:
    # The import brings NumPy, a third of `rank` of a thousand rows, which goes without unless a margin is asked for.
    from space.baseline import describe

    return describe(store.folder / "baselines", goal.baseline_id).optimism
