"""Objectives: what a study is after, and the score a sampler sees."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from evaluators.measurement import Figures
from search.store.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    # Zero or less is within.
    violations: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scale:
    """The reference's latency and energy when the bench was first used: in these units a sampler sees relative figures,
    so that trials of different hours stay comparable."""

    latency_s: float = 1.0
    energy_j: float = 1.0


# The reference's own: nothing is converted.
RELATIVE = Scale()


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Its figures are over the reference's nearest in time, so that those of different hours can be compared."""

    name: str
    # How a person reads it, and what the sampler sees: figures span decades, so their logarithm.
    title: str
    metric: str
    # The figure from an accuracy, a latency and an energy, in whatever units.
    formula: Callable[[float, float, float], float]
    # The largest latency (s) at which a candidate of this accuracy can still reach a figure (in s and J), on a board
    # whose power never falls below so many watts.
    slowest_s: Callable[[float, float, float], float]
    maximise: bool = False
    # The contest breaks ties between close figures by accuracy; a FoM contains it already.
    ties_by_accuracy: bool = True
    needs_energy: bool = True

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        return "maximize" if self.maximise else "minimize"

    def figure(self, accuracy: float, figures: Figures) -> float:
        return self.formula(accuracy, figures.relative_latency, figures.relative_energy)

    def interval(self, accuracy: float, figures: Figures) -> tuple[float, float]:
        """95 %, of latency and energy; the accuracy is taken as known."""
        ends = [
            self.formula(accuracy, latency, energy)
            for latency, energy in zip(figures.relative_latency_interval, figures.relative_energy_interval, strict=True)
        ]
        return min(ends), max(ends)

    def own_interval(self, accuracy: float, figures: Figures) -> tuple[float, float]:
        """Without the reference's part, which figures of one time share."""
        latency, energy = figures.relative_latency / figures.latency_s, figures.relative_energy / figures.energy_j
        ends = [
            self.formula(accuracy, figures.latency_low_s * latency, figures.energy_low_j * energy),
            self.formula(accuracy, figures.latency_high_s * latency, figures.energy_high_j * energy),
        ]
        return min(ends), max(ends)

    def value(self, evaluation: Evaluation) -> float:
        return self.figure(evaluation.accuracy.share, evaluation.current)

    def better(self, one: float, other: float) -> bool:
        return one > other if self.maximise else one < other

    def slowest_beside(self, reference: Figures, figure: float, accuracy: float, least_w: float) -> float:
        """The largest latency (s), while the reference takes as long as it does, that still reaches this figure."""
        return self.slowest_s(figure * self.formula(1.0, reference.latency_s, reference.energy_j), accuracy, least_w)

    def at_best(self, figures: Figures, scale: Scale = RELATIVE) -> float:
        """The figure as the sampler sees it, were every answer right."""
        return self._seen(1.0, figures, scale)

    def score(self, evaluation: Evaluation, least_accuracy: float, scale: Scale = RELATIVE) -> Score:
        """As the search sees it: validation accuracy, the search's own figures."""
        share = evaluation.validation.share
        # What was given up might have reached its projection, and no more.
        reached = share if evaluation.candidate.projected is None else evaluation.candidate.projected
        # No right answer at all: as far from any optimum as one right answer less.
        value = self._seen(max(share, 1e-3), evaluation.figures, scale)
        return Score(value, {"accuracy": least_accuracy - reached})

    def _seen(self, accuracy: float, figures: Figures, scale: Scale) -> float:
        return math.log10(self.figure(accuracy, figures) * self.formula(1.0, scale.latency_s, scale.energy_j))


def fom(accuracy: float, latency_s: float, energy_j: float) -> float:
    """Figure of merit, in the unit in which the contest's published results reproduce."""
    # An interval of more than ±100 % begins at 0 s.
    return accuracy / (latency_s * energy_j) if latency_s * energy_j > 0 else math.inf


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(
            name="latency",
            title="lowest latency",
            metric="log10 of latency in s",
            formula=lambda accuracy, latency, energy: latency,
            slowest_s=lambda figure, accuracy, least_w: figure,
            needs_energy=False,
        ),
        Objective(
            name="energy",
            title="lowest energy",
            metric="log10 of energy in J",
            formula=lambda accuracy, latency, energy: energy,
            slowest_s=lambda figure, accuracy, least_w: figure / least_w,
        ),
        Objective(
            name="fom",
            title="highest FoM",
            metric="log10 of FoM",
            formula=fom,
            slowest_s=lambda figure, accuracy, least_w: math.sqrt(accuracy / (figure * least_w)),
            maximise=True,
            ties_by_accuracy=False,
        ),
    )
}
