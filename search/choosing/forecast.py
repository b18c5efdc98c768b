"""Forecast: how likely networks are to become the leader, and by how much, by models of trials and timings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np
from scipy.special import log_ndtr, ndtr

from search.choosing.error_model import COLUMNS, FIRST_EPOCHS, Trained, most_telling, points, surrogate, trained_of
from search.choosing.gaussian_process import Floats, GaussianProcess, Trend
from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.trial_notes import TrialNotes
from search.scoring.objectives import Objective
from space.networks.choose import network_of
from space.networks.network import unpruned
from space.recipe import Recipe

# Where more than latency counts, the rest is mostly power, in watts: standard deviations of its log10 for boards of any
# kind, and per step of the features.
_POWER_SD, _POWER_SLOPE_SD = 1.0, 0.05
# Standard deviation of the log10 of a latency that was timed: 1 %.
_TIMING_SD = 0.005
# The standard deviation of a figure that is not uncertain, and the least improvement that counts as one: both of its
# log10, so that the second is 0.02 % of the figure.
_SURE, _DIFFERENT = 1e-6, 1e-4


@dataclass(frozen=True, slots=True)
class Forecast:
    """An array for each figure, with one place for each network."""

    # How much better than the leader, in the objective's logarithm.
    expected_improvement: Floats
    # The probability that the network's figure is better than the leader's, whether or not it holds the minimum
    # accuracy.
    probability_better: Floats
    probability_of_leading: Floats
    # The logarithm tells the hopeless apart, whose probability is too small a number to compare.
    log_probability_of_leading: Floats
    # How good the network is, whether or not it improves on anything: above the worst trial, times the probability that
    # it holds the minimum accuracy.
    expected_merit: Floats
    probability_feasible: Floats


@dataclass(frozen=True, slots=True)
class _Leader:
    """The leader's figure in the objective's logarithm, the higher the better."""

    value: float
    structure: tuple[object, ...]


@dataclass(frozen=True)
class Forecaster:
    """A forecaster is fitted once for each ask."""

    objective: Objective
    least_accuracy: float
    # Epochs of a first training on these images.
    first_epochs: float
    history: Sequence[TrialNotes]
    errors: GaussianProcess
    latencies: LatencyModel
    # The latencies in seconds, by the id of the structure.
    timed: Mapping[str, float]
    # The model of the figure beyond latency; None where latency is all that counts.
    rest: GaussianProcess | None
    # Where it is not, the figures of what was measured, were every answer right, by the id of the structure.
    measured: Mapping[str, float]
    # What was expected of networks in this ask: candidates are gathered in rounds, and most are looked at in each.
    _known: dict[tuple[Recipe, int], tuple[float, float, float]] = field(default_factory=dict, compare=False)
    _unpruned: dict[tuple[str, ...], float] = field(default_factory=dict, compare=False)

    @classmethod
    def fitted(
        cls,
        history: Sequence[TrialNotes],
        timings: Sequence[Timing],
        objective: Objective,
        least_accuracy: float,
        trend: Trend,
        others: Sequence[Trained] = (),
        pending: Sequence[Recipe] = (),
        first_epochs: float = FIRST_EPOCHS,
    ) -> "Forecaster":
        """`others`: trained from the same baseline, in other studies. `pending`: on their way; they are taken to become
        what is expected of them, so that the next ask looks elsewhere."""
        trained = [*others, *trained_of(history)]
        errors = surrogate(trained, trend, first_epochs)
        if pending:
            mean, _ = errors.predict(points(((recipe, recipe.epochs) for recipe in pending), first_epochs))
            expected = zip(pending, mean, strict=True)
            awaited = [Trained(recipe, recipe.epochs, 1 - math.exp(value)) for recipe, value in expected]
            errors = surrogate([*trained, *awaited], trend, first_epochs)
        timed = {timing.recipe.structure_id: timing for timing in timings}
        timed |= {trial.recipe.structure_id: Timing(trial.recipe, trial.latency_s) for trial in history}
        return cls(
            objective,
            least_accuracy,
            first_epochs,
            history,
            errors,
            LatencyModel.fitted(list(timed.values())),
            {structure_id: timing.latency_s for structure_id, timing in timed.items()},
            _rest(history, objective) if objective.needs_energy else None,
            {trial.recipe.structure_id: trial.at_best for trial in history} if objective.needs_energy else {},
        )

    def error(self, networks: Sequence[tuple[Recipe, int]]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of log(share of wrong answers), each network trained for so many epochs."""
        return self.errors.predict(points(networks, self.first_epochs))

    def figure(self, recipes: Sequence[Recipe]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of log10(figure), were every answer right."""
        power = _power_of_latency(self.objective)
        latency, latency_sd = self.latencies.log10(recipes)
        for place, recipe in enumerate(recipes):
            if (seconds := self.timed.get(recipe.structure_id)) is not None:
                # What was timed need not be predicted.
                latency[place], latency_sd[place] = math.log10(seconds), _TIMING_SD
        if self.rest is None:
            return power * latency, abs(power) * latency_sd
        rest, rest_sd = self.rest.predict(points((recipe, FIRST_EPOCHS) for recipe in recipes))
        figure, figure_sd = power * latency + rest, np.hypot(power * latency_sd, rest_sd)
        for place, recipe in enumerate(recipes):
            if (at_best := self.measured.get(recipe.structure_id)) is not None:
                figure[place], figure_sd[place] = at_best, abs(power) * _TIMING_SD
        return figure, figure_sd

    @property
    def has_leader(self) -> bool:
        """Whether something holds the minimum accuracy."""
        return self._leader() is not None

    def _leader(self) -> "_Leader | None":
        holding = [(self._sign * trial.feasible_value, trial.recipe) for trial in self.history
                   if trial.feasible_value is not None]  # fmt: skip
        if not holding:
            return None
        value, recipe = max(holding, key=itemgetter(0))
        return _Leader(value, recipe.choices_of_structure)

    def _unpruned_figure(self, recipes: Sequence[Recipe]) -> float:
        """The figure of the recipes' network as it came, in that of their runtimes in which it is the best, were every
        answer right."""
        runtimes = tuple(sorted({recipe.runtime for recipe in recipes}))
        if runtimes not in self._unpruned:
            whole = unpruned(network_of(recipes[0]))
            figure, _ = self.figure([replace(whole, runtime=runtime) for runtime in runtimes])
            self._unpruned[runtimes] = float((self._sign * figure).max())
        return self._unpruned[runtimes]

    def best_expected(self, networks: Sequence[tuple[Recipe, int]]) -> float:
        """The best figure that is expected of those that rather hold the line than not, in the objective's logarithm,
        the higher the better; minus infinity for none."""
        if not networks:
            return -math.inf
        figure, _, accuracy_z = self._expected(networks)
        return float(np.where(accuracy_z >= 0, figure, -math.inf).max())

    def _expected(self, networks: Sequence[tuple[Recipe, int]]) -> tuple[Floats, Floats, Floats]:
        """Mean and standard deviation of the figure in the objective's logarithm, the higher the better; by how many
        standard deviations the accuracy is above the line."""
        if new := [network for network in dict.fromkeys(networks) if network not in self._known]:
            columns = [column.tolist() for column in self._worked_out(new)]
            self._known.update(zip(new, zip(*columns, strict=True), strict=True))
        figure, figure_sd, accuracy_z = np.array([self._known[network] for network in networks]).T
        return figure, figure_sd, accuracy_z

    def _worked_out(self, networks: Sequence[tuple[Recipe, int]]) -> tuple[Floats, Floats, Floats]:
        error_mean, error_sd = self.error(networks)
        accuracy_z = (math.log(max(1 - self.least_accuracy, 1e-6)) - error_mean) / error_sd
        figure, figure_sd = self.figure([recipe for recipe, _ in networks])
        if not self.objective.ties_by_accuracy:
            figure = figure + np.log10(np.maximum(1 - np.exp(error_mean), self.least_accuracy))
        return self._sign * figure, figure_sd, accuracy_z

    @property
    def _sign(self) -> float:
        return 1.0 if self.objective.maximise else -1.0

    def forecast(self, networks: Sequence[tuple[Recipe, int]], over: float = -math.inf) -> Forecast:
        """`networks`: each with the epochs it would be trained for. `over`: a figure as that of `best_expected`, which
        is to be improved on as the leader's is."""
        figure, figure_sd, accuracy_z = self._expected(networks)
        probability_feasible = ndtr(accuracy_z)
        recipes = [recipe for recipe, _ in networks]
        leader = self._leader()
        unpruned_figure = self._unpruned_figure(recipes)
        worst = min([unpruned_figure, *(self._sign * trial.at_best for trial in self.history)])
        # Until something holds the minimum accuracy, the unpruned network is what is to be improved on.
        gain = figure - max(unpruned_figure if leader is None else leader.value, over)
        if leader is not None:
            # What the leader's own structure takes was timed, once for both: it is no faster than itself.
            same = np.array([recipe.choices_of_structure == leader.structure for recipe in recipes])
            figure_sd = np.where(same, _SURE, figure_sd)
            gain = np.where(same, gain - _DIFFERENT, gain)
        gain_z = gain / figure_sd
        probability_better = ndtr(gain_z)
        improvement = gain * probability_better + figure_sd * np.exp(-(gain_z**2) / 2) / math.sqrt(2 * math.pi)
        return Forecast(
            expected_improvement=probability_feasible * improvement,
            probability_better=probability_better,
            probability_of_leading=probability_feasible * probability_better,
            log_probability_of_leading=log_ndtr(accuracy_z) + log_ndtr(gain_z),
            expected_merit=probability_feasible * (figure - worst),
            probability_feasible=probability_feasible,
        )


def _power_of_latency(objective: Objective) -> float:
    """The power of the latency with which the figure goes, at a constant power draw."""
    return math.log10(objective.formula(1.0, 10.0, 10.0) / objective.formula(1.0, 1.0, 1.0))


def _rest(history: Sequence[TrialNotes], objective: Objective) -> GaussianProcess:
    # The trainings of a structure share one measurement.
    trials = list({trial.recipe.structure_id: trial for trial in history}.values())
    sign, power = 1.0 if objective.maximise else -1.0, _power_of_latency(objective)
    telling = most_telling(trials, lambda trial: sign * trial.at_best)
    values = np.array([trial.at_best - power * math.log10(trial.latency_s) for trial in telling], dtype=float)
    trend = Trend(
        float(values.mean()) if len(values) else 0.0, _POWER_SD, (0.0,) * COLUMNS, (_POWER_SLOPE_SD,) * COLUMNS
    )
    return GaussianProcess(trend, points((trial.recipe, FIRST_EPOCHS) for trial in telling), values)
