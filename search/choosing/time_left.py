"""Time left: how long a recipe takes here, and whether it still ends before the deadline."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.choosing.trial_notes import TrialNotes, history_of
from search.settings.durations import spoken
from space.baseline import baseline_recipe
from space.networks.choose import layers_of
from space.recipe import Recipe

if TYPE_CHECKING:
    from optuna.study import Study

# Multiply-accumulates that training on an image costs beside those of the network, whatever the network.
_MACS_ANYHOW = 1.1e6
# Seconds of measuring and exporting, beside every training.
_BESIDE_S = 8.0
# The teacher's answers to so many views of every image are kept; all of them cost as much as an epoch of the unpruned
# network (space/training/teacher.py, which loads torch).
_VIEWS = 4
# Seconds of training for each unit of cost, until a training or a benchmark has shown it: on two cores, with CIFAR-10.
_SECONDS_PER_COST = 3e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast trainings are, and the seconds left for one that is begun now: infinite without a deadline."""

    seconds_per_cost: float
    left_s: float = math.inf
    # Ids of the weights that are there already, whatever is made of them next.
    trained: frozenset[str] = frozenset()
    # Whether the teacher's answers are there already.
    taught: bool = True
    # Seconds that a candidate near the lead takes at the meter, where energy is measured.
    metering_s: float = 0.0

    @property
    def limited(self) -> bool:
        return self.left_s < math.inf

    def training_s(self, recipe: Recipe, epochs: int) -> float:
        return _BESIDE_S + self.seconds_per_cost * cost(recipe, epochs)

    def teacher_s(self, recipe: Recipe, epochs: int) -> float:
        """The first distilled training works the teacher's answers out."""
        views = min(epochs, _VIEWS) if recipe.distillation and not self.taught else 0
        return self.seconds_per_cost * cost(baseline_recipe(recipe.architecture), 1) * views / _VIEWS if views else 0.0

    def seconds(self, recipe: Recipe) -> float:
        """How long a trial takes from its beginning to its figures."""
        if recipe.weights_id in self.trained:
            return _BESIDE_S + self.metering_s
        return self.training_s(recipe, _epochs(recipe)) + self.teacher_s(recipe, recipe.epochs) + self.metering_s

    def fits(self, recipe: Recipe) -> bool:
        return not self.limited or self.seconds(recipe) <= self.left_s

    def shortage(self, recipes: Iterable[Recipe]) -> str:
        """Why none of these begins."""
        shortest_s = min(map(self.seconds, recipes))
        return (
            f"nothing more ends before the deadline: {spoken(max(self.left_s, 0.0))} left, and the shortest recipe to "
            f"try next takes about {spoken(shortest_s)}; --timeout gives it more"
        )


@dataclass
class TimeLeft:
    """One for a run, shared by its studies and their samplers."""

    # Seconds until the deadline.
    left_s: Callable[[], float] = lambda: math.inf
    seconds_per_cost: float = _SECONDS_PER_COST
    metering_s: float = 0.0
    # What the recipes that are on their way take before another one's turn comes.
    queued_s: float = 0.0

    def pace_of(self, study: "Study") -> Pace:
        """The pace that the study's trials show; without a deadline everything fits at any pace."""
        if self.left_s() == math.inf:
            return Pace(seconds_per_cost=self.seconds_per_cost)
        return self.pace(history_of(study))

    def pace(self, history: Sequence[TrialNotes]) -> Pace:
        """The pace of the trainings of these trials; before the first of them the one that was benchmarked."""
        trained = [trial.recipe for trial in history if trial.accuracy is not None]
        return Pace(
            seconds_per_cost=_seconds_per_cost(history) or self.seconds_per_cost,
            left_s=self.left_s() - self.queued_s,
            trained=frozenset(recipe.weights_id for recipe in trained),
            taught=any(recipe.distillation for recipe in trained),
            metering_s=self.metering_s,
        )


def cost(recipe: Recipe, epochs: int) -> float:
    """What a training costs, in multiply-accumulates per training image."""
    return epochs * (sum(layer.macs for layer in layers_of(recipe)) + _MACS_ANYHOW)


def _epochs(recipe: Recipe) -> int:
    """All of its training; an epoch that rounds as int8 does is counted as one that does not."""
    return recipe.epochs + recipe.aware_epochs


def _seconds_per_cost(history: Sequence[TrialNotes]) -> float | None:
    by_length = sorted((trial for trial in history if trial.recipe.epochs > 0), key=lambda trial: trial.training_s)
    # Only one of those that share weights was trained: the one that took longest.
    timed = {trial.recipe.weights_id: trial for trial in by_length if trial.training_s > 0}.values()
    total_cost = sum(cost(trial.recipe, _epochs(trial.recipe)) for trial in timed)
    return sum(trial.training_s for trial in timed) / total_cost if total_cost else None
