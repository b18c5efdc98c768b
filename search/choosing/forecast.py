"""Promise: how likely networks are to become the leader, and by how much, by what the trials showed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import log_ndtr, ndtr

from evaluators.confidence import NORMAL_95
from search.choosing.gaussian_process import Floats, Regression, Trend
from search.choosing.trial_notes import Seen
from search.scoring.objectives import Objective
from search.store.evaluation import Evaluation
from space.networks.mobilenet_v1.layers import layers
from space.recipe import Recipe

# The network that features are counted from, in logarithms to base 2: a small one, as win.
_MACS, _WEIGHTS, _VALUES = math.log2(0.5e6), math.log2(8e3), math.log2(25e3)
_STEM, _LAST = math.log2(16), math.log2(96)
# Of the error, as natural logarithm, per step of each feature: what small networks showed, with doubt enough to learn
# otherwise. Blocks, MACs, weights, values, stem, last width, side, int8, uint8, threads, spinning; then epochs.
_ERROR_AT_FIRST, _ERROR_DOUBT = -1.05, 0.4
_ERROR_SLOPES = (0.0, -0.05, -0.03, -0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.15)
_ERROR_DOUBTS = (0.05, 0.06, 0.06, 0.05, 0.05, 0.05, 0.05, 0.02, 0.05, 0.0, 0.0, 0.05)
_FIGURE_DOUBT, _FIGURE_DOUBTS = 1.0, 0.3
# Networks below which an error says nothing.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of each network: the expected improvement on the leader, how likely it is at all, the logarithm of that, which
    tells the hopeless apart, and how good the network is, whether or not it improves on anything."""

    promise: Floats
    likely: Floats
    log_likely: Floats
    standing: Floats


@lru_cache(maxsize=10_000)
def features(recipe: Recipe) -> tuple[float, ...]:
    """What latency and accuracy depend on; a step of 1 is a noticeable one."""
    found = layers(recipe.widths, recipe.halvings)
    present = [width for width in recipe.widths if width]
    return (
        (len(present) - 5) / 2,
        math.log2(sum(layer.macs for layer in found)) - _MACS,
        math.log2(sum(layer.weights for layer in found)) - _WEIGHTS,
        math.log2(sum(layer.values for layer in found)) - _VALUES,
        math.log2(present[0]) - _STEM,
        math.log2(present[-1]) - _LAST,
        math.log2(found[-2].side) - 2,
        2.0 * (recipe.quantization == "static_int8"),
        2.0 * (recipe.quantization == "dynamic_uint8"),
        recipe.threads - 1.0,
        float(recipe.spinning),
    )


def forecast(
    history: Sequence[Seen], networks: Sequence[tuple[Recipe, int]], objective: Objective, least_accuracy: float
) -> Forecast:
    """`networks`: each with the epochs it would be trained for."""
    sign = 1.0 if objective.maximise else -1.0
    error = errors(history)
    error_mean, error_sd = error.predict(_points(networks))
    holds = (math.log(max(1 - least_accuracy, 1e-6)) - error_mean) / error_sd
    able = ndtr(holds)
    figure, figure_sd = figures(history).predict(_points([(recipe, 1) for recipe, _ in networks]))
    if not objective.ties_by_accuracy:
        figure = figure + np.log10(np.maximum(1 - np.exp(error_mean), least_accuracy))
    # Until something holds the line, everything that does is an improvement.
    feasible = [sign * one.value for one in history if one.value is not None]
    worst = min((sign * one.at_best for one in history), default=0.0)
    gain = sign * figure - max(feasible, default=worst)
    z = gain / figure_sd
    likely = ndtr(z)
    expected = gain * likely + figure_sd * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    log_likely = log_ndtr(holds) + log_ndtr(z)
    return Forecast(able * expected, able * likely, log_likely, able * (sign * figure - worst))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How well the latency of each network is told by all others: the median error, and how often the 95 % interval
    holds it."""

    median_error: float
    covered: float
    networks: int

    def __str__(self) -> str:
        return (
            f"latency of a new network is predicted within {100 * self.median_error:.1f} % (median, held out, "
            f"{self.networks} networks; the 95 % interval holds {100 * self.covered:.0f} %)"
        )


def held_out(evaluations: Iterable[Evaluation]) -> HeldOut | None:
    """None for too few to say."""
    latency = {
        features(one.candidate.recipe): (one.candidate.recipe, math.log10(one.figures.latency_s))
        for one in evaluations
        if not one.figures.dirty
    }
    if len(latency) < _FEW:
        return None
    made = _by_shape([recipe for recipe, _ in latency.values()], [value for _, value in latency.values()])
    mean, doubt = made.held_out()
    wrong = np.abs(made.values - mean)
    return HeldOut(float(10 ** np.median(wrong) - 1), float((wrong <= NORMAL_95 * doubt).mean()), len(wrong))


def errors(history: Sequence[Seen]) -> Regression:
    """Of the logarithm of the share of wrong answers, by shape and epochs."""
    trained = [(one, one.accuracy) for one in history if one.accuracy is not None]
    return Regression(
        Trend(_ERROR_AT_FIRST, _ERROR_DOUBT, _ERROR_SLOPES, _ERROR_DOUBTS),
        _points([(one.recipe, one.recipe.epochs) for one, _ in trained]),
        np.array([math.log(max(1 - accuracy, 1e-3)) for _, accuracy in trained]),
    )


def figures(history: Sequence[Seen]) -> Regression:
    """Of the logarithm of the objective's figure were every answer right: by shape alone."""
    # One for each network: its trainings share a measurement.
    last = {features(one.recipe): one for one in history}.values()
    return _by_shape([one.recipe for one in last], [one.at_best for one in last])


def _by_shape(recipes: Sequence[Recipe], values: Sequence[float]) -> Regression:
    count = len(_ERROR_SLOPES)
    mean = sum(values) / len(values) if values else 0.0
    trend = Trend(mean, _FIGURE_DOUBT, (0.0,) * count, (_FIGURE_DOUBTS,) * count)
    return Regression(trend, _points([(recipe, 1) for recipe in recipes]), np.array(values))


def _points(networks: Sequence[tuple[Recipe, int]]) -> Floats:
    if not networks:
        return np.zeros((0, len(_ERROR_SLOPES)))
    # Epochs in steps of a factor of e, from the first training's three.
    return np.array([[*features(recipe), math.log(max(epochs, 1) / 3)] for recipe, epochs in networks])
