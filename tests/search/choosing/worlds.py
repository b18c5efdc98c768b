"""Worlds: made-up devices and data sets, in which whole searches run in simulated time with the real samplers.

A world is frozen data: what a network takes there, how accurate it becomes, how long it trains. Every figure is a
function of the world, its seed and the recipe, so that a search can be repeated.
"""

import hashlib
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, geometric_mean

from search.choosing.variation import Variation
from search.scoring.objectives import Objective
from space.dimension import Dimension, Integer, Value
from space.dimensions import recipe_of
from space.networks.choose import layers_of
from space.recipe import Recipe
from space.training.patience import SETTLED
from space.training.speed import Speed, Trainings

# Watts of every network: the estimate without a meter is about constant too.
POWER_W = 2.7
# Trainings on two cores, with CIFAR-10 (space/training/speed.py); the teacher's answers are there already.
TRAININGS = Trainings(speed=Speed(layer_s=9.2e-6, mac_s=6.7e-11, answer_s=0.0))
# Wrong answers at the beginning are those at the end to one over this and one; it falls in a straight line, so that the
# last epochs bring the most, as they do where the rate falls to nothing. It stays below what a training is given up by
# (4.9 times the share left to the power of 1.5, tests/benchmarks/projection.py) until the last few hundredths.
_GAIN = 1.2
_CHANCE = 0.9


@dataclass(frozen=True, kw_only=True)
class World(ABC):
    seed: int = 0
    # Standard deviations of what is found over what is so: an accuracy in itself, a latency and a training's seconds in
    # their logarithm. The validation images of CIFAR-10, 5,000, alone make 0.0065 at 70 %, which trainings share.
    accuracy_sd: float = 0.004
    latency_sd: float = 0.01
    training_sd: float = 0.03
    # What the unpruned network takes: every figure is seen over it, and scaled by it again.
    reference_s: float = 10e-3
    trainings: Trainings = TRAININGS

    @abstractmethod
    def exact_latency_s(self, recipe: Recipe) -> float: ...

    @abstractmethod
    def exact_accuracy(self, recipe: Recipe, epochs: int) -> float:
        """The accuracy of the deployed network."""

    def latency_s(self, recipe: Recipe) -> float:
        noise = self._noise("latency", recipe.structure_id)
        return self.exact_latency_s(recipe) * math.exp(self.latency_sd * noise)

    def accuracy(self, recipe: Recipe, epochs: int) -> float:
        """On validation images, of the deployed network after a finished training of so many epochs."""
        noise = self._noise("accuracy", replace(recipe, epochs=epochs).weights_id)
        return min(max(self.exact_accuracy(recipe, epochs) + self.accuracy_sd * noise, 0.0), 0.999)

    def history(self, recipe: Recipe) -> tuple[float, ...]:
        """Accuracy after each epoch: it rises, and leaps at the end, as the rate falls."""
        epochs = recipe.epochs
        last = max(1 - self.accuracy(recipe, epochs), 1e-3)
        errors = []
        for epoch in range(1, epochs + 1):
            done = epoch / epochs
            error = min(math.pow(last, 1 / (1 + _GAIN * (1 - done))), _CHANCE)
            # The rate is still rising.
            errors.append(error + (_CHANCE - error) * max(0.0, 1 - done / SETTLED))
        return tuple(1 - error for error in errors)

    def training_s(self, recipe: Recipe) -> float:
        noise = self._noise("training", recipe.weights_id)
        expected_s = self.trainings.seconds(recipe, recipe.epochs + recipe.aware_epochs)
        return expected_s * math.exp(self.training_sd * noise)

    def _noise(self, figure: str, recipe_id: str) -> float:
        """Noise from a standard normal distribution."""
        drawn = hashlib.sha256(f"{self.seed}/{figure}/{recipe_id}".encode()).digest()[:8]
        return NormalDist().inv_cdf((int.from_bytes(drawn) + 0.5) / 2**64)


# A figure for each quantization.
ByQuantization = tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class MadeUp(World):
    """A device that takes so long for every operator and every multiply-accumulate; a data set whose error is a product
    of powers of what a network is."""

    call_s: float = 6e-6
    operator_s: float = 1.1e-6
    mac_s: float = 17e-12
    # What a quantization takes over fp32.
    factor: ByQuantization = (("none", 1.0), ("dynamic_uint8", 1.4), ("static_int8", 1.3))
    # So many threads are as fast as threads ** this power of one, and each further thread costs its waking.
    threads_power: float = 0.0
    thread_s: float = 4e-6
    # Error of a network of half a million MACs, of many units, 48 channels wide on average, after ten epochs.
    error: float = 0.28
    macs_power: float = -0.18
    width_power: float = -0.08
    # How much larger the error of a single unit is: a quarter of that with two units, a ninth with three.
    shallow: float = 1.0
    epochs_power: float = -0.12
    # Accuracy that a quantization costs.
    loss: ByQuantization = (("none", 0.0), ("dynamic_uint8", 0.002), ("static_int8", 0.006))

    def exact_latency_s(self, recipe: Recipe) -> float:
        layers = layers_of(recipe)
        work_s = len(layers) * self.operator_s + sum(layer.macs for layer in layers) * self.mac_s
        threads = recipe.threads
        faster = dict(self.factor)[recipe.quantization] / math.pow(threads, self.threads_power)
        # A thread that spins is woken at once.
        return self.call_s + faster * work_s + (threads - 1) * self.thread_s * (0.5 if recipe.spinning else 1.0)

    def exact_accuracy(self, recipe: Recipe, epochs: int) -> float:
        widths = [width for width in recipe.widths if width]
        macs = sum(layer.macs for layer in layers_of(recipe))
        error = (
            self.error
            * math.pow(macs / 0.5e6, self.macs_power)
            * math.pow(geometric_mean(widths) / 48, self.width_power)
            * (1 + self.shallow / len(widths) ** 2)
            * math.pow(max(epochs, 0.3) / 10, self.epochs_power)
        )
        return 1 - min(error + dict(self.loss)[recipe.quantization], _CHANCE)


# Integers take a third, and four threads are more than twice as fast as one; a multiply-accumulate costs what it costs
# on a slow core.
INTEGER_DEVICE = MadeUp(
    operator_s=2e-6,
    mac_s=1e-9,
    factor=(("none", 1.0), ("dynamic_uint8", 0.9), ("static_int8", 1 / 3)),
    threads_power=0.75,
)
# Twice the width is a quarter less error, and a further block next to nothing.
WIDTH_DATA = MadeUp(error=0.27, macs_power=-0.03, width_power=-0.4, shallow=0.3)
# Nothing reaches 95 % here.
HARD_DATA = MadeUp(error=0.45, macs_power=-0.08)


@dataclass(frozen=True)
class Known:
    """The best network that a long direct search of a world found."""

    recipe: Recipe
    value: float


def best_known(
    world: World, table: Sequence[Dimension], objective: Objective, line: float, *, seed: int = 0, rounds: int = 60
) -> Known | None:
    """Random points, then an evolution of the best hundred, all seen as they are after the longest training; None where
    nothing holds the line. It needs some seconds, as nothing is asked of a model."""
    variation = Variation(table, random.Random(seed))
    longest = max(
        dimension.high for dimension in table if isinstance(dimension, Integer) and dimension.name == "epochs"
    )

    def judged(values: Mapping[str, Value]) -> tuple[float, Recipe]:
        """Less is better; what does not hold the line comes after all that does."""
        recipe = recipe_of({**values, "epochs": longest})
        accuracy, latency_s = world.exact_accuracy(recipe, longest), world.exact_latency_s(recipe)
        if accuracy < line:
            return 1e3 + line - accuracy, recipe
        value = math.log10(objective.formula(accuracy, latency_s, POWER_W * latency_s))
        return (-value if objective.maximise else value), recipe

    points = {recipe.id: (merit, recipe, values)
              for values in (variation.anew() for _ in range(2000)) for merit, recipe in [judged(values)]}  # fmt: skip
    for _ in range(rounds):
        parents = sorted(points.values(), key=lambda point: point[0])[:100]
        points = {recipe.id: (merit, recipe, values) for merit, recipe, values in parents}
        for _, _, values in parents:
            changed = variation.near(values)
            merit, recipe = judged(changed)
            points[recipe.id] = merit, recipe, changed
    merit, recipe, _ = min(points.values(), key=lambda point: point[0])
    return None if merit >= 1e2 else Known(recipe, -merit if objective.maximise else merit)
