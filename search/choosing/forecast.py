"""Forecast: how likely networks are to become the leader, and by how much, by two surrogates of what trials showed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import log_ndtr, ndtr

from evaluators.confidence import NORMAL_95
from search.choosing.gaussian_process import Floats, GaussianProcess, Trend
from search.choosing.trial_notes import TrialNotes
from search.scoring.objectives import Objective
from search.store.evaluation import Evaluation
from space.formats.quantizations import QUANTIZATIONS
from space.networks.choose import layers_of
from space.recipe import Recipe

# Features count from a small network, such as those that win: MACs, weights, values and widths as logarithms to base 2.
_MACS, _WEIGHTS, _VALUES = math.log2(0.5e6), math.log2(8e3), math.log2(25e3)
_STEM, _LAST = math.log2(16), math.log2(96)
# Convolutions and linear layers of it. A step is two separable blocks more.
_LAYERS = 10
# Prior of the accuracy surrogate: mean of log(error) and its slope per feature step, each with its standard deviation,
# fitted to tests/benchmarks/evaluations.csv. Data overrule it after about ten trials. The features are layers, MACs,
# weights, values, stem, width before the classifier, side, integers of fixed ranges and of others, threads, spinning;
# then epochs.
_ERROR_MEAN, _ERROR_MEAN_SD = -1.05, 0.4
_ERROR_SLOPES = (0.0, -0.05, -0.03, -0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.15)
_ERROR_SLOPE_SDS = (0.05, 0.06, 0.06, 0.05, 0.05, 0.05, 0.05, 0.02, 0.05, 0.0, 0.0, 0.05)
# Prior of the figure surrogate: standard deviations of log10(figure) and of its slopes, wide enough for any board; its
# mean is that of the observations.
_FIGURE_MEAN_SD, _FIGURE_SLOPE_SD = 1.0, 0.3
# An error held out says nothing for fewer networks than this.
_FEWEST_HELD_OUT = 8
# Epochs are counted in steps of a factor of e from those of a first training.
_FIRST_EPOCHS = 3


@dataclass(frozen=True, slots=True)
class Forecast:
    """An array for each figure, with one place for each network."""

    # How much better than the leader, in the objective's logarithm.
    expected_improvement: Floats
    probability_of_leading: Floats
    # Tells the hopeless apart, whose probability is too small a number to compare.
    log_probability_of_leading: Floats
    # How good the network is, whether or not it improves on anything: above the worst trial, times the probability that
    # it holds the minimum accuracy.
    expected_merit: Floats


@lru_cache(maxsize=10_000)
def features(recipe: Recipe) -> tuple[float, ...]:
    """What latency and accuracy depend on; a step of 1 is a noticeable one."""
    shape = layers_of(recipe)
    quantization = QUANTIZATIONS[recipe.quantization]
    return (
        (len(shape) - _LAYERS) / 4,
        math.log2(sum(layer.macs for layer in shape)) - _MACS,
        math.log2(sum(layer.weights for layer in shape)) - _WEIGHTS,
        math.log2(sum(layer.values for layer in shape)) - _VALUES,
        math.log2(shape[0].channels) - _STEM,
        math.log2(shape[-2].channels) - _LAST,
        math.log2(shape[-2].side) - 2,
        2.0 * quantization.fixed_ranges,
        2.0 * (bool(quantization.integers) and not quantization.fixed_ranges),
        recipe.threads - 1.0,
        float(recipe.spinning),
    )


def forecast(
    history: Sequence[TrialNotes], networks: Sequence[tuple[Recipe, int]], objective: Objective, least_accuracy: float
) -> Forecast:
    """`networks`: each with the epochs it would be trained for."""
    sign = 1.0 if objective.maximise else -1.0
    error_mean, error_sd = error_surrogate(history).predict(_points(networks))
    accuracy_z = (math.log(max(1 - least_accuracy, 1e-6)) - error_mean) / error_sd
    probability_feasible = ndtr(accuracy_z)
    figure, figure_sd = _figures(history, [recipe for recipe, _ in networks])
    if not objective.ties_by_accuracy:
        figure = figure + np.log10(np.maximum(1 - np.exp(error_mean), least_accuracy))
    # Until something holds the minimum accuracy, everything that does is an improvement.
    feasible = [sign * trial.feasible_value for trial in history if trial.feasible_value is not None]
    worst = min((sign * trial.at_best for trial in history), default=0.0)
    gain = sign * figure - max(feasible, default=worst)
    gain_z = gain / figure_sd
    probability_better = ndtr(gain_z)
    improvement = gain * probability_better + figure_sd * np.exp(-(gain_z**2) / 2) / math.sqrt(2 * math.pi)
    return Forecast(
        expected_improvement=probability_feasible * improvement,
        probability_of_leading=probability_feasible * probability_better,
        log_probability_of_leading=log_ndtr(accuracy_z) + log_ndtr(gain_z),
        expected_merit=probability_feasible * (sign * figure - worst),
    )


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
    """Each among those of its runtime; None for too few to say."""
    by_runtime: dict[str, dict[tuple[float, ...], tuple[Recipe, float]]] = {}
    for evaluation in evaluations:
        recipe = evaluation.candidate.recipe
        if not evaluation.figures.dirty:
            log_latency = math.log10(evaluation.figures.latency_s)
            by_runtime.setdefault(recipe.runtime, {})[features(recipe)] = recipe, log_latency
    errors, within = [], []
    for networks in by_runtime.values():
        if len(networks) >= _FEWEST_HELD_OUT:
            recipes, values = zip(*networks.values(), strict=True)
            surrogate = _surrogate_by_shape(recipes, values)
            mean, sd = surrogate.leave_one_out()
            errors.append(np.abs(surrogate.values - mean))
            within.append(errors[-1] <= NORMAL_95 * sd)
    if not errors:
        return None
    apart = np.concatenate(errors)
    return HeldOut(float(10 ** np.median(apart) - 1), float(np.concatenate(within).mean()), len(apart))


def error_surrogate(history: Sequence[TrialNotes]) -> GaussianProcess:
    """Predicts the logarithm of the share of wrong answers, by shape and epochs."""
    trained = [(trial.recipe, trial.accuracy) for trial in history if trial.accuracy is not None]
    return GaussianProcess(
        Trend(_ERROR_MEAN, _ERROR_MEAN_SD, _ERROR_SLOPES, _ERROR_SLOPE_SDS),
        _points([(recipe, recipe.epochs) for recipe, _ in trained]),
        np.array([math.log(max(1 - accuracy, 1e-3)) for _, accuracy in trained]),
    )


def _figures(history: Sequence[TrialNotes], recipes: Sequence[Recipe]) -> tuple[Floats, Floats]:
    """Mean and standard deviation, by a surrogate for each runtime: what a layer costs one of them says little of
    another. One of which nothing is known yet is taken for the others."""
    mean, sd = np.zeros(len(recipes)), np.zeros(len(recipes))
    for runtime in dict.fromkeys(recipe.runtime for recipe in recipes):
        places = [place for place, recipe in enumerate(recipes) if recipe.runtime == runtime]
        own = [trial for trial in history if trial.recipe.runtime == runtime]
        points = _points([(recipes[place], 1) for place in places])
        mean[places], sd[places] = figure_surrogate(own or history).predict(points)
    return mean, sd


def figure_surrogate(history: Sequence[TrialNotes]) -> GaussianProcess:
    """Predicts the logarithm of the objective's figure were every answer right, by shape alone."""
    # The trainings of a network share one measurement.
    latest = {features(trial.recipe): trial for trial in history}.values()
    return _surrogate_by_shape([trial.recipe for trial in latest], [trial.at_best for trial in latest])


def _surrogate_by_shape(recipes: Sequence[Recipe], values: Sequence[float]) -> GaussianProcess:
    count = len(_ERROR_SLOPES)
    mean = sum(values) / len(values) if values else 0.0
    trend = Trend(mean, _FIGURE_MEAN_SD, (0.0,) * count, (_FIGURE_SLOPE_SD,) * count)
    return GaussianProcess(trend, _points([(recipe, 1) for recipe in recipes]), np.array(values))


def _points(networks: Sequence[tuple[Recipe, int]]) -> Floats:
    if not networks:
        return np.zeros((0, len(_ERROR_SLOPES)))
    return np.array([[*features(recipe), math.log(max(epochs, 1) / _FIRST_EPOCHS)] for recipe, epochs in networks])
