"""Trial notes: what one trial showed, written into Optuna's trial and read there by whoever models the search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from evaluators.measurement import Figures
from search.scoring.objectives import RELATIVE, Objective, Scale
from search.store.evaluation import Evaluation
from space.dimension import Value
from space.dimensions import recipe_of
from space.recipe import Recipe

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

# User attributes of a trial, for the reader of a dashboard as well.
RECIPE, REASON, GATED_BY, IMPORTED, OWNER = "recipe", "reason", "gated", "imported", "owner"
_ACCURACY, _AT_BEST, _TRAINING_S = "validation accuracy", "log10 if every answer were right", "training s"
_LATENCY_MS, _EPOCH_ACCURACIES, _GIVEN_UP = "latency ms beside the reference", "accuracy after each epoch", "given up"


@dataclass(frozen=True, slots=True)
class TrialNotes:
    values: Mapping[str, Value]
    recipe: Recipe
    # Logarithm of the objective's figure, were every answer right.
    at_best: float
    # Seconds at the speed that the reference had when the bench was first used.
    latency_s: float
    # Accuracy on validation; None: the network was not trained. The most that it could have become, where it was given
    # up.
    accuracy: float | None
    # Logarithm of the objective's figure, where the minimum accuracy is held.
    feasible_value: float | None
    training_s: float
    # The accuracies on validation, after each epoch.
    epoch_accuracies: tuple[float, ...] = ()
    given_up: bool = False


def notes_of(trial: "FrozenTrial") -> TrialNotes | None:
    """None for a trial of an older version, which says less."""
    if trial.value is None or _AT_BEST not in trial.user_attrs:
        return None
    feasible = all(violation <= 0 for violation in (trial.constraints or {}).values())
    gated = GATED_BY in trial.user_attrs
    return TrialNotes(
        values=trial.params,
        recipe=recipe_of(trial.params),
        at_best=float(trial.user_attrs[_AT_BEST]),
        # Trials of older versions say only what was measured.
        latency_s=1e-3 * float(trial.user_attrs.get(_LATENCY_MS, trial.user_attrs["latency ms"])),
        accuracy=None if gated else float(trial.user_attrs[_ACCURACY]),
        feasible_value=trial.value if feasible and not gated else None,
        training_s=float(trial.user_attrs.get(_TRAINING_S, 0.0)),
        epoch_accuracies=tuple(trial.user_attrs.get(_EPOCH_ACCURACIES, ())),
        given_up=_GIVEN_UP in trial.user_attrs,
    )


# What was read of a study's trials that have ended, by their numbers: nothing of them changes any more.
_READ: "WeakKeyDictionary[Study, dict[int, TrialNotes | None]]" = WeakKeyDictionary()


def history_of(study: "Study") -> list[TrialNotes]:
    """What its trials showed, in their order."""
    from optuna.trial import TrialState

    read = _READ.setdefault(study, {})
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    for trial in complete:
        if trial.number not in read:
            read[trial.number] = notes_of(trial)
    return [notes for trial in complete if (notes := read[trial.number]) is not None]


def evaluation_attributes(evaluation: Evaluation, objective: Objective, scale: Scale = RELATIVE) -> dict[str, Any]:
    candidate = evaluation.candidate
    # A training that was given up might have reached its projection, and no more.
    accuracy = evaluation.validation.share if candidate.projected is None else candidate.projected
    return {
        **({_EPOCH_ACCURACIES: list(candidate.history)} if candidate.history else {}),
        **({_GIVEN_UP: True} if candidate.projected is not None else {}),
        RECIPE: evaluation.recipe_id,
        _ACCURACY: accuracy,
        _TRAINING_S: candidate.seconds.get("train", 0.0),
        "parameters": candidate.parameters,
        "MACs": candidate.macs,
        "operators": candidate.operators,
        **figures_attributes(evaluation.figures, objective, scale),
    }


def figures_attributes(figures: Figures, objective: Objective, scale: Scale = RELATIVE) -> dict[str, Any]:
    return {
        _AT_BEST: objective.at_best(figures, scale),
        _LATENCY_MS: 1e3 * figures.relative_latency * scale.latency_s,
        "latency ms": 1e3 * figures.latency_s,
        "energy mJ": 1e3 * figures.energy_j,
        "energy provenance": str(figures.energy_provenance),
    }
