"""Latency model: what a network of any shape, quantization and setting takes on a bench, from timings of a few.

One model for each runtime. A latency is a sum: a constant of the call, and for each layer what its kind costs by its
operator, its MACs and the values that it reads and writes. Each coefficient is a product and stays positive: a typical
processor's, times factors for its quantization, threads and spinning that all layers of a kind share. The logarithms of
all factors are fitted at once, each drawn towards that of a typical processor (Gauss-Newton).
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from evaluators.confidence import NORMAL_95
from search.choosing.layer_costs import CALL, COUNT, LINEAR, TERMS, Term, costs_of
from search.store.evaluation import Evaluation
from space.data.images import ImageShape
from space.formats.quantizations import NONE, QUANTIZATIONS
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
    # Beside the reference, in seconds at the scale of the bench's first reference.
    latency_s: float


# Standard deviations of the logarithms of factors: of the speed of a bench as a whole, of one coefficient, of a kind of
# layer and of a coefficient by quantization, of a kind by threads and by spinning; and of what a call and an operator
# cost by them.
_SPEED_SD, _TERM_SD, _QUANTIZATION_SD, _QUANTIZATION_TERM_SD, _SETTING_SD = 1.5, 0.5, 0.7, 0.4, 0.25
_WAKING_SD = 1.0
# Logarithms of what whole numbers cost over fp32, of work and of all else of a layer, where ranges are found anew
# for each image and where they are fixed; with their standard deviation.
_WORK = ("macs", "weights")
_DYNAMIC, _FIXED, _NUMBERS_SD = (0.7, 0.7), (-0.7, 0.5), 0.5
# Prior of the standard deviation of a timing from the model, in natural logarithms, and how many timings it counts for.
_ERROR_SD, _ERROR_COUNT = 0.06, 6.0
# Degrees of freedom of the timings' errors: some timings are disturbed.
_DEGREES = 3.0
_STEPS, _LONGEST_STEP, _SETTLED = 12, 2.0, 0.01
# Prior of what intervals are widened by, how many timings it counts for, and at most.
_WIDENING, _WIDENING_COUNT, _MOST_WIDENING = 1.5, 10, 4.0


@dataclass(frozen=True)
class _RuntimeModel:
    """Of one runtime; the state of its factors with their covariance."""

    factors: Floats
    # Lower Cholesky factor of their precision.
    precision: Any
    error_sd: float
    rows: Floats
    designs: tuple[Floats, ...]
    logs: Floats
    weights: Floats
    widening: float = 1.0

    def predict(self, rows: Floats, designs: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the natural logarithm of seconds."""
        means, slopes = _predicted(rows, designs, self.factors)
        half = solve_triangular(self.precision, slopes.T, lower=True)
        return means, self.widening * np.sqrt((half**2).sum(0) + self.error_sd**2)

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """Error and standard deviation of each timing, as all others predict it, in natural logarithms."""
        means, slopes = _predicted(self.rows, self.designs, self.factors)
        half = solve_triangular(self.precision, slopes.T, lower=True)
        variance = self.error_sd**2 / np.maximum(self.weights, 1e-3)
        leverage = np.minimum((half**2).sum(0) / variance, 0.99)
        errors = (self.logs - means) / (1 - leverage)
        return errors, self.widening * self.error_sd / np.sqrt(1 - leverage)


def _fit(rows: Floats, designs: Sequence[Floats], logs: Floats) -> _RuntimeModel:
    expected, sds = _prior()
    prior = 1 / sds**2
    factors, error_sd, weights = expected.copy(), _ERROR_SD, np.ones(len(logs))
    if len(logs):
        factors[0] = np.median(logs - _predicted(rows, designs, factors)[0])
    precision = np.diag(prior)
    for _ in range(_STEPS if len(logs) else 0):
        means, slopes = _predicted(rows, designs, factors)
        errors = logs - means
        weights = (_DEGREES + 1) / (_DEGREES + (errors / error_sd) ** 2)
        weighted = slopes * (weights / error_sd**2)[:, None]
        precision = weighted.T @ slopes + np.diag(prior)
        covariance = np.linalg.inv(precision)
        step = covariance @ (weighted.T @ errors - prior * (factors - expected))
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        factors = factors + step
        # What the factors take up of the timings, of which each is as good as one.
        taken = len(prior) - float(prior @ np.diag(covariance))
        left = max(len(logs) - taken, 0.0)
        spread = float((weights * errors**2).sum())
        error_sd = math.sqrt((spread + _ERROR_COUNT * _ERROR_SD**2) / (left + _ERROR_COUNT))
        if float(np.abs(step).max()) < _SETTLED:
            break
    fitted = _RuntimeModel(factors, np.linalg.cholesky(precision), error_sd, rows, tuple(designs), logs, weights)
    return replace(fitted, widening=_widening(fitted))


def _widening(model: _RuntimeModel) -> float:
    """What standard deviations are multiplied by, for 95 % intervals to hold 95 % of what is held out."""
    if not len(model.logs):
        return _WIDENING
    errors, sds = model.leave_one_out()
    needed = float(np.quantile(np.abs(errors) / sds, 0.95)) / NORMAL_95
    count = len(errors)
    return min(max((count * needed + _WIDENING_COUNT * _WIDENING) / (count + _WIDENING_COUNT), 1.0), _MOST_WIDENING)


def _predicted(rows: Floats, designs: Sequence[Floats], factors: Floats) -> tuple[Floats, Floats]:
    """Logarithms of seconds, and their derivatives by the factors."""
    slopes = np.zeros((len(rows), len(factors)))
    means = np.zeros(len(rows))
    places: dict[int, list[int]] = {}
    for place, design in enumerate(designs):
        places.setdefault(id(design), []).append(place)
    for chosen in places.values():
        design = designs[chosen[0]]
        parts = rows[chosen] * np.exp(design @ factors)
        totals = parts.sum(1)
        means[chosen] = np.log(totals)
        slopes[chosen] = (parts / totals[:, None]) @ design
    return means, slopes


@lru_cache(maxsize=1)
def _prior() -> tuple[Floats, Floats]:
    """Means and standard deviations of all factors."""
    blocks = _blocks(NONE, 1, False)
    sds = np.concatenate([[sd] * block.shape[1] for sd, block in blocks])
    means = np.zeros(len(sds))
    # The last four are those of whole numbers.
    means[-4:] = *_DYNAMIC, *_FIXED
    return means, sds


def _blocks(quantization: str, threads: int, spinning: bool) -> list[tuple[float, Floats]]:
    """Standard deviations of factors, and which of them the logarithm of each coefficient is the sum of."""
    terms = _indicators([(term.kind, term.figure) for term in TERMS])
    kinds = _indicators([term.kind for term in TERMS])
    sized = _indicators([(term.kind, term.large) for term in TERMS])
    work = np.array([[float(term.figure in _WORK), float(_is_passing(term))] for term in TERMS])
    # Waking further threads costs a call, and each operator, many times what it costs one thread.
    waking = np.array([[float(of_call == (term.kind == CALL)) for of_call in (True, False)] for term in TERMS])
    waking = waking * np.array([[float(term.figure == "operators")] for term in TERMS])
    dynamic, fixed = _traits(quantization)
    several, spins = float(threads > 1), float(threads > 1 and spinning)
    return [
        (_SPEED_SD, np.ones((COUNT, 1))),
        (_TERM_SD, terms),
        *((_QUANTIZATION_SD, trait * sized) for trait in (dynamic, fixed)),
        *((_QUANTIZATION_TERM_SD, trait * np.eye(COUNT)) for trait in (dynamic, fixed)),
        *((_SETTING_SD, share * kinds) for share in (float(np.log2(threads)), several, spins)),
        *((_WAKING_SD, share * waking) for share in (several, spins)),
        *((_SETTING_SD / 2, share * (dynamic + fixed) * kinds) for share in (float(np.log2(threads)), several, spins)),
        *((_NUMBERS_SD, trait * work) for trait in (dynamic, fixed)),
    ]


def _is_passing(term: Term) -> bool:
    return term.figure not in _WORK and term.kind not in (CALL, LINEAR)


def _indicators(names: Sequence[Hashable]) -> Floats:
    return np.array([[float(name == other) for other in dict.fromkeys(names)] for name in names])


def _traits(quantization: str) -> tuple[float, float]:
    """Whether it computes in integers of ranges that are found anew for each image, and in those of fixed ranges."""
    known = QUANTIZATIONS.get(quantization)
    integers, fixed = bool(known and known.integers), bool(known and known.fixed_ranges)
    return float(integers and not fixed), float(fixed)


@lru_cache(maxsize=1000)
def _design(quantization: str, threads: int, spinning: bool) -> Floats:
    """A row for each coefficient: which factors its logarithm is the sum of."""
    return np.hstack([block for _, block in _blocks(quantization, threads, spinning)])


def _design_of(recipe: Recipe) -> Floats:
    return _design(recipe.quantization, recipe.threads, recipe.spinning)


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
        rows = costs_of(recipes, self._image)
        for runtime in dict.fromkeys(recipe.runtime for recipe in recipes):
            places = [place for place, recipe in enumerate(recipes) if recipe.runtime == runtime]
            model = self._models.get(runtime, self._any)
            designs = [_design_of(recipes[place]) for place in places]
            means[places], sds[places] = model.predict(rows[places], designs)
        return means / np.log(10), sds / np.log(10)

    def held_out(self) -> tuple[HeldOutLatency, ...]:
        """For each runtime with enough timings to say."""
        found = []
        for runtime, model in self._models.items():
            if len(model.logs) >= _FEWEST_HELD_OUT:
                errors, sds = model.leave_one_out()
                median = float(np.exp(np.median(np.abs(errors))) - 1)
                covered = float((np.abs(errors) <= NORMAL_95 * sds).mean())
                found.append(HeldOutLatency(runtime, median, covered, len(errors)))
        return tuple(found)


def _of(timings: Sequence[Timing], image: ImageShape | None) -> _RuntimeModel:
    recipes = [timing.recipe for timing in timings]
    logs = np.log([timing.latency_s for timing in timings])
    return _fit(costs_of(recipes, image), [_design_of(recipe) for recipe in recipes], logs)


def _chosen(timings: Sequence[Timing]) -> list[Timing]:
    """The fastest and the most recent ones, in their order."""
    fastest = sorted(range(len(timings)), key=lambda place: timings[place].latency_s)[:_MOST_FASTEST]
    recent = [place for place in range(len(timings)) if place not in {*fastest}][-_MOST_RECENT:]
    return [timings[place] for place in sorted([*fastest, *recent])]


def errors_held_out(evaluations: Iterable[Evaluation]) -> tuple[HeldOutLatency, ...]:
    """Of the networks that were measured undisturbed."""
    clean = (evaluation for evaluation in evaluations if not evaluation.figures.dirty)
    timings = {each.structure_id: Timing(each.candidate.recipe, each.figures.latency_s) for each in clean}
    return LatencyModel.fitted(list(timings.values())).held_out()
