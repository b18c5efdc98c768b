"""Time left: how long a recipe takes here, and whether it still ends before the deadline."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from search.choosing.trial_notes import TrialNotes, history_of
from search.settings.durations import spoken
from space.networks.choose import work_of
from space.recipe import Recipe
from space.training.speed import USUAL, USUAL_TRAININGS, Trainings

if TYPE_CHECKING:
    from optuna.study import Study

# Multiply-accumulates that an image costs beside those of the network, where trainings are compared with each other.
_MACS_ANYHOW = 1.1e6
# Trainings took up to so much of what was expected of them (0.88 to 1.11, tests/benchmarks/plan.py).
_LATE = 1.1
# Standard deviations: of what a training takes on a machine in use, as a share of it; and of what a part of its work
# takes, as a share of what short passes of a few networks told of that part.
_TRAINING_SD, _PART_SD = 0.15, 0.7
# Seconds of measuring and exporting, beside every training, for who knows no better.
_BESIDE_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast trainings are, and the seconds left for one that is begun now: infinite without a deadline."""

    trainings: Trainings = USUAL_TRAININGS
    left_s: float = math.inf
    # Choices of the weights that are there already, whatever is made of them next.
    trained: frozenset[tuple[object, ...]] = frozenset()
    # Whether the teacher's answers are there already.
    taught: bool = True
    # Seconds that a candidate near the lead takes at the meter, where energy is measured.
    metering_s: float = 0.0
    # Seconds of building its file and of timing it.
    beside_s: float = _BESIDE_S

    @property
    def limited(self) -> bool:
        return self.left_s < math.inf

    def training_s(self, recipe: Recipe, epochs: int) -> float:
        """Of so many epochs, and those that round as int8 does."""
        return self.beside_s + self.trainings.seconds(recipe, epochs + recipe.aware_epochs)

    def teacher_s(self, recipe: Recipe, epochs: int) -> float:
        """The first distilled training works the teacher's answers out."""
        return self.trainings.teacher_s(epochs) if recipe.distillation and not self.taught else 0.0

    def seconds(self, recipe: Recipe) -> float:
        """How long a trial takes from its beginning to its figures."""
        if recipe.choices_of_weights in self.trained:
            return self.beside_s + self.metering_s
        return self.training_s(recipe, recipe.epochs) + self.teacher_s(recipe, recipe.epochs) + self.metering_s

    def fits(self, recipe: Recipe) -> bool:
        """Whether a training fits, also where it takes somewhat longer than expected: what the deadline cuts off is
        lost."""
        return not self.limited or self.at_most_s(recipe) <= self.left_s

    def ends(self, recipe: Recipe) -> bool:
        """Whether its training alone ends before the deadline."""
        return not self.limited or self.training_s(recipe, recipe.epochs) - self.beside_s <= self.left_s

    def at_most_s(self, recipe: Recipe) -> float:
        return _LATE * self.seconds(recipe)

    def shortage(self, recipes: Iterable[Recipe]) -> str:
        """Why none of these begins."""
        shortest_s = min(map(self.at_most_s, recipes))
        return (
            f"nothing more ends before the deadline: {spoken(max(self.left_s, 0.0))} left, and the shortest recipe to "
            f"try next may take {spoken(shortest_s)}; --timeout gives it more"
        )


@dataclass
class TimeLeft:
    """The time that is left: one for a run, shared by its studies and their samplers."""

    # Seconds until the deadline.
    left_s: Callable[[], float] = lambda: math.inf
    trainings: Trainings = USUAL_TRAININGS
    metering_s: float = 0.0
    beside_s: float = _BESIDE_S
    # What the recipes that are on their way take before another one's turn comes.
    queued_s: float = 0.0

    def pace_of(self, study: "Study") -> Pace:
        """The pace that the study's trials show."""
        return self.pace(() if self.left_s() == math.inf else history_of(study))

    def pace(self, history: Sequence[TrialNotes]) -> Pace:
        """The pace of the trainings of these trials; before the first of them the one that was measured. Without a
        deadline the usual one: everything fits at any pace, and what is asked for is the same on every machine."""
        if self.left_s() == math.inf:
            return Pace(trainings=replace(self.trainings, speed=USUAL))
        trained = [trial for trial in history if trial.accuracy is not None]
        timed = [
            (as_far_as_trained(trial.recipe, trial.epoch_accuracies, trial.given_up), trial.training_s)
            for trial in history
        ]
        return Pace(
            trainings=as_shown(self.trainings, timed),
            left_s=self.left_s() - self.queued_s,
            # The weights of a training that was given up are not kept.
            trained=frozenset(trial.recipe.choices_of_weights for trial in trained if not trial.given_up),
            taught=any(trial.recipe.distillation for trial in trained),
            metering_s=self.metering_s,
            beside_s=self.beside_s,
        )


def cost(recipe: Recipe, epochs: int) -> float:
    """What a training costs of so many epochs, and those that round as int8 does, in multiply-accumulates per training
    image: alike on every machine, so that what is asked for is too."""
    return (epochs + recipe.aware_epochs) * (work_of(recipe).macs + _MACS_ANYHOW)


def _epochs(recipe: Recipe) -> int:
    """All of its training; an epoch that rounds as int8 does is counted as one that does not."""
    return recipe.epochs + recipe.aware_epochs


def as_far_as_trained(recipe: Recipe, epoch_accuracies: Sequence[float], given_up: bool) -> Recipe:
    """What was given up took the seconds of a part of its epochs, and of none that would have rounded."""
    return replace(recipe, epochs=len(epoch_accuracies), aware_epochs=0) if given_up else recipe


def as_shown(trainings: Trainings, timed: Iterable[tuple[Recipe, float]]) -> Trainings:
    """The trainings at the speed that those of these recipes showed, by the seconds that they took."""
    once = _once(timed)
    expected_s = sum(trainings.seconds(recipe, _epochs(recipe)) for recipe, _ in once)
    # One of them worked the teacher's answers out.
    expected_s += trainings.teacher_s(max((recipe.epochs for recipe, _ in once if recipe.distillation), default=0))
    ratio = sum(seconds for _, seconds in once) / expected_s if expected_s else 1.0
    return _parts_as_shown(trainings, once, ratio).slower(ratio)


def _parts_as_shown(trainings: Trainings, once: Sequence[tuple[Recipe, float]], ratio: float) -> Trainings:
    """What these trainings showed but for the ratio that all of them have: networks that wait for memory and those that
    compute are each told by their like."""
    # The first distilled training worked the teacher's answers out, too: it says nothing of its own parts.
    teaching = next((recipe.id for recipe, _ in once if recipe.distillation), None)
    telling = [(recipe, seconds) for recipe, seconds in once if recipe.id != teaching]
    if not telling:
        return trainings
    parts_s = np.array([trainings.parts_s(recipe, _epochs(recipe)) for recipe, _ in telling])
    taken_s = np.array([seconds for _, seconds in telling]) / ratio
    speed = trainings.speed
    # The parts take what is left of the seconds after setting up.
    of_parts = np.maximum(1 - speed.set_up_s / taken_s, 0.0)
    # Least squares of relative errors, each part drawn towards what was measured; no part takes less than nothing.
    rows = np.vstack([parts_s / taken_s[:, None] / _TRAINING_SD, np.eye(parts_s.shape[1]) / _PART_SD])
    wanted = np.concatenate([of_parts / _TRAINING_SD, np.full(parts_s.shape[1], 1 / _PART_SD)])
    layer, value, mac = nnls(rows, wanted)[0].tolist()
    return replace(
        trainings,
        speed=replace(speed, layer_s=layer * speed.layer_s, value_s=value * speed.value_s, mac_s=mac * speed.mac_s),
    )


def _once(timed: Iterable[tuple[Recipe, float]]) -> list[tuple[Recipe, float]]:
    """The recipes with the seconds of their trainings: of those that share weights only one was trained, the one that
    took longest."""
    longest: dict[tuple[object, ...], tuple[Recipe, float]] = {}
    for recipe, seconds in timed:
        weights = recipe.choices_of_weights
        if recipe.epochs > 0 and seconds > longest.get(weights, (recipe, 0.0))[1]:
            longest[weights] = recipe, seconds
    return list(longest.values())
