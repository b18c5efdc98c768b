"""Latency model: what a network of any shape, quantization and setting takes on a bench, from timings of a few.

One model for each runtime. A latency is a sum: a constant of the call, and for each layer what its kind costs by its
operator, its MACs and the values that it reads and writes. Each coefficient is a product and stays positive: a typical
processor's, times factors for its quantization, threads and spinning that all layers of a kind share. What a layer
costs over that sum is a smooth function of its sizes (a Gaussian process), as kernels suit some sizes better than
others. The logarithms of all of it are fitted at once, each drawn towards that of a typical processor (Gauss-Newton).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from evaluators.confidence import NORMAL_95
from search.choosing.latency_factors import DEVIATION_SDS, Setting, design, deviations, factor_count, prior, setting_of
from search.choosing.layer_costs import COUNT, LayerCosts, costs_of
from search.store.evaluation import Evaluation
from space.data.images import ImageShape
from space.formats.target import title_of
from space.recipe import Recipe

Floats = NDArray[Any]

# With more timings of a runtime, the fastest and the most recent ones count: work is bounded, and winners are fast.
_MOST_FASTEST, _MOST_RECENT = 150, 150
# A held-out error says nothing for fewer timings than this.
_FEWEST_HELD_OUT = 8


@dataclass(frozen=True, slots=True)
class Timing:
    recipe: Recipe
    # The latency beside the reference's, in seconds at the scale of the bench's first reference.
    latency_s: float


# Prior of the standard deviation of a timing from the model, in natural logarithms, and how many timings it counts for.
_ERROR_SD, _ERROR_COUNT = 0.06, 6.0
# Degrees of freedom of the timings' errors: some timings are disturbed.
_DEGREES = 3.0
_STEPS, _LONGEST_STEP, _SETTLED = 12, 2.0, 0.01
# Prior of what intervals are widened by, how many timings it counts for, and at most.
_WIDENING, _WIDENING_COUNT, _MOST_WIDENING = 1.5, 10, 4.0


@dataclass(frozen=True)
class _Networks:
    """Recipes as the model sees them."""

    costs: LayerCosts
    deviations: Floats
    settings: tuple[Setting, ...]

    def __len__(self) -> int:
        return len(self.settings)

    def predicted(self, state: Floats) -> tuple[Floats, Floats]:
        """Logarithms of seconds, and their derivatives by the state: factors, then deviations."""
        costs, factors = self.costs, factor_count()
        slopes = np.zeros((len(self), len(state)))
        if not len(self):
            return np.zeros(0), slopes
        places: dict[Setting, list[int]] = {}
        for place, setting in enumerate(self.settings):
            places.setdefault(setting, []).append(place)
        coefficients, applying = np.zeros((len(self), COUNT)), np.zeros((len(self), len(DEVIATION_SDS)))
        for setting, chosen in places.items():
            coefficients[chosen] = np.exp(design(setting) @ state[:factors])
            applying[chosen] = setting.deviations
        parts = self.deviations @ state[factors:].reshape(len(DEVIATION_SDS), -1).T
        deviation = (parts * applying[costs.networks]).sum(1)
        of_layers = costs.layers * coefficients[costs.networks] * np.exp(deviation)[:, None]
        of_terms = costs.total(of_layers) + costs.calls * coefficients
        seconds = of_terms.sum(1)
        for setting, chosen in places.items():
            slopes[chosen, :factors] = (of_terms[chosen] / seconds[chosen, None]) @ design(setting)
        shares = of_layers.sum(1) / seconds[costs.networks]
        deviating = costs.total(self.deviations * shares[:, None])
        slopes[:, factors:] = (applying[:, :, None] * deviating[:, None, :]).reshape(len(self), -1)
        return np.log(seconds), slopes


@dataclass(frozen=True)
class _RuntimeModel:
    """The model of one runtime: its state, and what the timings leave unknown of it."""

    state: Floats
    error_sd: float
    # The slopes of the timings times the variances of the prior, and the inverse of the lower Cholesky factor of the
    # timings' covariance.
    gain: Floats
    whitening: Floats
    # Error and standard deviation of each timing, as all others predict it, in natural logarithms.
    errors: Floats
    sds: Floats
    widening: float = 1.0

    def predict(self, networks: _Networks) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the natural logarithm of seconds."""
        means, slopes = networks.predicted(self.state)
        known = slopes @ (self.gain.T @ self.whitening.T)
        variances = slopes**2 @ prior()[1] ** 2 - (known**2).sum(1)
        return means, self.widening * np.sqrt(np.maximum(variances, 0.0) + self.error_sd**2)


def _fit(networks: _Networks, logs: Floats) -> _RuntimeModel:
    """Fits in the space of the timings, which are fewer than what is fitted."""
    expected, count = prior()[0], len(logs)
    state, error_sd, weights = expected.copy(), _ERROR_SD, np.ones(count)
    if not count:
        none = np.zeros(0)
        return _RuntimeModel(state, error_sd, np.zeros((0, len(state))), np.zeros((0, 0)), none, none, _WIDENING)
    state[0] = np.median(logs - networks.predicted(state)[0])
    for _ in range(_STEPS):
        gain, whitening, inverse, solved = _solved(networks, logs, state, error_sd**2 / weights)
        step = expected + gain.T @ solved - state
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        state = state + step
        variances = error_sd**2 / weights
        # What the state does not explain of each timing, and how many timings it does not take up.
        errors, left = variances * solved, float((variances * np.diag(inverse)).sum())
        spread = float((weights * errors**2).sum())
        error_sd = math.sqrt((spread + _ERROR_COUNT * _ERROR_SD**2) / (left + _ERROR_COUNT))
        weights = (_DEGREES + 1) / (_DEGREES + (errors / error_sd) ** 2)
        if float(np.abs(step).max()) < _SETTLED:
            break
    gain, whitening, inverse, solved = _solved(networks, logs, state, error_sd**2 / weights)
    precisions = np.diag(inverse)
    fitted = _RuntimeModel(state, error_sd, gain, whitening, solved / precisions, 1 / np.sqrt(precisions))
    widening = _widening(fitted)
    return replace(fitted, widening=widening, sds=widening * fitted.sds)


def _solved(
    networks: _Networks, logs: Floats, state: Floats, variances: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Gain, whitening and inverse covariance of the timings, and what they differ by from the prior times that."""
    expected, sds = prior()
    means, slopes = networks.predicted(state)
    gain = slopes * sds**2
    factor = np.linalg.cholesky(gain @ slopes.T + np.diag(variances))
    whitening = solve_triangular(factor, np.eye(len(logs)), lower=True)
    inverse = whitening.T @ whitening
    return gain, whitening, inverse, inverse @ (logs - means + slopes @ (state - expected))


def _widening(model: _RuntimeModel) -> float:
    """What standard deviations are multiplied by, for 95 % intervals to hold 95 % of what is held out."""
    needed = float(np.quantile(np.abs(model.errors) / model.sds, 0.95)) / NORMAL_95
    count = len(model.errors)
    return min(max((count * needed + _WIDENING_COUNT * _WIDENING) / (count + _WIDENING_COUNT), 1.0), _MOST_WIDENING)


@dataclass(frozen=True)
class HeldOutLatency:
    """How well the latency of each network is told by all others of its runtime."""

    runtime: str
    median_error: float
    covered: float
    networks: int

    def __str__(self) -> str:
        return f"{title_of(self.runtime)}: {self.text}, {self.networks} networks"

    @property
    def text(self) -> str:
        return f"latency of another network told within {100 * self.median_error:.1f} % (median, held out)"


@dataclass(frozen=True)
class LatencyModel:
    _models: dict[str, _RuntimeModel]
    _any: _RuntimeModel
    _image: ImageShape | None

    @classmethod
    def fitted(cls, timings: Sequence[Timing], image: ImageShape | None = None) -> "LatencyModel":
        """Bounded work, however many timings. `image`: of the data; None for those of the network's design."""
        by_runtime: dict[str, list[Timing]] = {}
        for timing in timings:
            by_runtime.setdefault(timing.recipe.runtime, []).append(timing)
        models = {runtime: _of(_chosen(own), image) for runtime, own in by_runtime.items()}
        return cls(models, _of([], image), image)

    def log10(self, recipes: Sequence[Recipe]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the logarithm of seconds."""
        means, sds = np.zeros(len(recipes)), np.zeros(len(recipes))
        for runtime in dict.fromkeys(recipe.runtime for recipe in recipes):
            places = [place for place, recipe in enumerate(recipes) if recipe.runtime == runtime]
            model = self._models.get(runtime, self._any)
            means[places], sds[places] = model.predict(_networks([recipes[place] for place in places], self._image))
        return means / np.log(10), sds / np.log(10)

    def held_out(self) -> tuple[HeldOutLatency, ...]:
        """The held-out error of each runtime with enough timings to say."""
        of_runtimes = []
        for runtime, model in self._models.items():
            if len(model.errors) >= _FEWEST_HELD_OUT:
                median = float(np.exp(np.median(np.abs(model.errors))) - 1)
                covered = float((np.abs(model.errors) <= NORMAL_95 * model.sds).mean())
                of_runtimes.append(HeldOutLatency(runtime, median, covered, len(model.errors)))
        return tuple(of_runtimes)


def _of(timings: Sequence[Timing], image: ImageShape | None) -> _RuntimeModel:
    logs = np.log([timing.latency_s for timing in timings])
    return _fit(_networks([timing.recipe for timing in timings], image), logs)


def _networks(recipes: Sequence[Recipe], image: ImageShape | None) -> _Networks:
    costs = costs_of(recipes, image)
    return _Networks(costs, deviations(costs), tuple(map(setting_of, recipes)))


def _chosen(timings: Sequence[Timing]) -> list[Timing]:
    """The fastest and the most recent ones, in their order."""
    fastest = sorted(range(len(timings)), key=lambda place: timings[place].latency_s)[:_MOST_FASTEST]
    recent = [place for place in range(len(timings)) if place not in {*fastest}][-_MOST_RECENT:]
    return [timings[place] for place in sorted([*fastest, *recent])]


def errors_held_out(evaluations: Iterable[Evaluation]) -> tuple[HeldOutLatency, ...]:
    """The held-out errors of the networks that were measured undisturbed."""
    clean = (evaluation for evaluation in evaluations if not evaluation.figures.dirty)
    timings = {each.structure_id: Timing(each.candidate.recipe, each.figures.latency_s) for each in clean}
    return LatencyModel.fitted(list(timings.values())).held_out()
