"""Objectives: what a study is after, and the score a sampler sees."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from evaluators.measurement import Figures
from search.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    # Zero or less is within.
    violations: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    name: str
    # How a person reads it, and what the sampler sees: figures span decades, so their logarithm.
    title: str
    metric: str
    # Of an accuracy and the device's figures.
    figure: Callable[[float, Figures], float]
    interval: Callable[[float, Figures], tuple[float, float]]
    # Of a figure to be reached with this accuracy, by a board that never takes less than so many watts: the latency
    # above which it cannot be.
    slowest_s: Callable[[float, float, float], float]
    maximise: bool = False
    # The contest breaks ties between close figures by accuracy; a FoM contains it already.
    ties_by_accuracy: bool = True
    needs_energy: bool = True

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        return "maximize" if self.maximise else "minimize"

    def value(self, evaluation: Evaluation) -> float:
        return self.figure(evaluation.accuracy.share, evaluation.current)

    def better(self, one: float, other: float) -> bool:
        return one > other if self.maximise else one < other

    def at_best(self, figures: Figures) -> float:
        """The figure as the sampler sees it, were every answer right."""
        return math.log10(self.figure(1.0, figures))

    def score(self, evaluation: Evaluation, least_accuracy: float) -> Score:
        """As the search sees it: validation accuracy, the search's own figures."""
        share = evaluation.validation.share
        # No right answer at all: as far from any optimum as one right answer less.
        value = self.figure(max(share, 1e-3), evaluation.figures)
        # What was given up might have reached its projection, and no more.
        reached = share if evaluation.candidate.projected is None else evaluation.candidate.projected
        return Score(math.log10(value), {"accuracy": least_accuracy - reached})


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
            figure=lambda accuracy, figures: figures.latency_s,
            interval=lambda accuracy, figures: (figures.latency_low_s, figures.latency_high_s),
            slowest_s=lambda figure, accuracy, least_w: figure,
            needs_energy=False,
        ),
        Objective(
            name="energy",
            title="lowest energy",
            metric="log10 of energy in J",
            figure=lambda accuracy, figures: figures.energy_j,
            interval=lambda accuracy, figures: (figures.energy_low_j, figures.energy_high_j),
            slowest_s=lambda figure, accuracy, least_w: figure / least_w,
        ),
        Objective(
            name="fom",
            title="highest FoM",
            metric="log10 of FoM",
            figure=lambda accuracy, figures: fom(accuracy, figures.latency_s, figures.energy_j),
            interval=lambda accuracy, figures: (
                fom(accuracy, figures.latency_high_s, figures.energy_high_j),
                fom(accuracy, figures.latency_low_s, figures.energy_low_j),
            ),
            slowest_s=lambda figure, accuracy, least_w: math.sqrt(accuracy / (figure * least_w)),
            maximise=True,
            ties_by_accuracy=False,
        ),
    )
}
