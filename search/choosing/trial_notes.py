"""Seen: what one trial showed, as it is written into Optuna's trial and read there by whoever models the search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluators.measurement import Figures
from search.scoring.objectives import RELATIVE, Objective, Scale
from search.store.evaluation import Evaluation
from space.dimensions import Value, recipe_of
from space.recipe import Recipe

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

# User attributes of a trial, for the reader of a dashboard as well.
RECIPE, REASON, GATED_BY = "recipe", "reason", "gated"
_ACCURACY, _AT_BEST, _TRAINING_S = "validation accuracy", "log10 if every answer were right", "training s"


@dataclass(frozen=True, slots=True)
class Seen:
    values: Mapping[str, Value]
    recipe: Recipe
    # The objective's figure as a logarithm, were every answer right.
    at_best: float
    # None: not trained.
    accuracy: float | None
    # The figure itself, where the line is held.
    value: float | None
    training_s: float


def seen(trial: "FrozenTrial") -> Seen | None:
    """None for a trial of an older version, which says less."""
    if trial.value is None or _AT_BEST not in trial.user_attrs:
        return None
    feasible = all(violation <= 0 for violation in (trial.constraints or {}).values())
    gated = GATED_BY in trial.user_attrs
    return Seen(
        values=trial.params,
        recipe=recipe_of(trial.params),
        at_best=float(trial.user_attrs[_AT_BEST]),
        accuracy=None if gated else float(trial.user_attrs[_ACCURACY]),
        value=trial.value if feasible and not gated else None,
        training_s=float(trial.user_attrs.get(_TRAINING_S, 0.0)),
    )


def history_of(study: "Study") -> list[Seen]:
    """What its trials showed, in their order."""
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [one for one in map(seen, complete) if one is not None]


def of_evaluation(
    evaluation: Evaluation, objective: Objective, scale: Scale = RELATIVE
) -> dict[str, float | int | str]:
    candidate = evaluation.candidate
    # What was given up might have reached its projection, and no more.
    reached = evaluation.validation.share if candidate.projected is None else candidate.projected
    return {
        RECIPE: evaluation.recipe_id,
        _ACCURACY: reached,
        _TRAINING_S: candidate.seconds.get("train", 0.0),
        "parameters": candidate.parameters,
        "MACs": candidate.macs,
        "operators": candidate.operators,
        **of_figures(evaluation.figures, objective, scale),
    }


def of_figures(figures: Figures, objective: Objective, scale: Scale = RELATIVE) -> dict[str, float | int | str]:
    return {
        _AT_BEST: objective.at_best(figures, scale),
        "latency ms": 1e3 * figures.latency_s,
        "energy mJ": 1e3 * figures.energy_j,
        "energy provenance": str(figures.energy_provenance),
    }
