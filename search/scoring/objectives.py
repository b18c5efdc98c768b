"""Objectives: what a study is after, the score a sampler sees, and the words and axes with which people read both."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from evaluators.measurement import Figures
from search.store.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    # The violation of each constraint: zero or less is within.
    violations: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scale:
    """The reference's latency and energy when the bench was first used: in these units a sampler sees relative figures,
    so that trials of different hours stay comparable."""

    latency_s: float = 1.0
    energy_j: float = 1.0


# The reference's own: nothing is converted.
RELATIVE = Scale()


class Shown(Protocol):
    """The figures of a network as people read them: in ms and mJ, with 95 % intervals, and gains over the baseline."""

    @property
    def accuracy(self) -> float: ...
    @property
    def latency_ms(self) -> float: ...
    @property
    def latency_ci_ms(self) -> tuple[float, float]: ...
    @property
    def energy_mj(self) -> float: ...
    @property
    def energy_ci_mj(self) -> tuple[float, float]: ...
    @property
    def fom(self) -> float: ...
    @property
    def latency_gain(self) -> float | None: ...
    @property
    def fom_gain(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Its figures are over the reference's nearest in time, so that those of different hours can be compared."""

    name: str
    # How people read it: the contest, its figure, the figure's unit, the axis of a picture, and of a slide, which has
    # less room.
    title: str
    label: str
    unit: str = ""
    axis: str
    slide_axis: str
    # What a network is said to have, from its figure and the kind of its energy: "FoM 914 (measured energy)".
    spoken: str
    origin: str = ""
    # A network's figure, and its 95 % interval, in that unit.
    shown: Callable[[Shown], float]
    shown_interval: Callable[[Shown], tuple[float, float]]
    # The gain over the baseline that a network is praised for.
    praised_for: Literal["latency", "fom"] = "latency"
    # What the sampler sees: figures span decades, so their logarithm.
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
        """The 95 % interval that comes of latency and energy; the accuracy is taken as known."""
        ends = [
            self.formula(accuracy, latency, energy)
            for latency, energy in zip(figures.relative_latency_interval, figures.relative_energy_interval, strict=True)
        ]
        return min(ends), max(ends)

    def own_interval(self, accuracy: float, figures: Figures) -> tuple[float, float]:
        """The interval without the reference's part, which figures of one time share."""
        latency, energy = figures.relative_latency / figures.latency_s, figures.relative_energy / figures.energy_j
        ends = [
            self.formula(accuracy, figures.latency_low_s * latency, figures.energy_low_j * energy),
            self.formula(accuracy, figures.latency_high_s * latency, figures.energy_high_j * energy),
        ]
        return min(ends), max(ends)

    def value(self, evaluation: Evaluation) -> float:
        return self.figure(evaluation.accuracy.share, evaluation.current)

    def better(self, figure: float, other: float) -> bool:
        return figure > other if self.maximise else figure < other

    def cost(self, row: Shown) -> float:
        """The figure as something of which less is better."""
        return -self.shown(row) if self.maximise else self.shown(row)

    def praise(self, row: Shown) -> float | None:
        """The gain over the baseline that a network is praised for; None where the baseline lacks the figure."""
        return row.fom_gain if self.praised_for == "fom" else row.latency_gain

    def slowest_beside(self, reference: Figures, figure: float, accuracy: float, least_w: float) -> float:
        """The largest latency (s), while the reference takes as long as it does, that still reaches this figure."""
        return self.slowest_s(figure * self.formula(1.0, reference.latency_s, reference.energy_j), accuracy, least_w)

    def at_best(self, figures: Figures, scale: Scale = RELATIVE) -> float:
        """The figure as the sampler sees it, were every answer right."""
        return self._seen(1.0, figures, scale)

    def score(self, evaluation: Evaluation, least_accuracy: float, scale: Scale = RELATIVE) -> Score:
        """The score as the search sees it: validation accuracy, the search's own figures."""
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
    # A latency known to ±100 % or worse has an interval that begins at 0 s.
    return accuracy / (latency_s * energy_j) if latency_s * energy_j > 0 else math.inf


def _fom_interval(row: Shown) -> tuple[float, float]:
    """The 95 % interval that comes of latency and energy; the accuracy is taken as known."""
    (fast, slow), (low, high) = row.latency_ci_ms, row.energy_ci_mj
    return fom(row.accuracy, slow / 1e3, high / 1e3), fom(row.accuracy, fast / 1e3, low / 1e3)


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(
            name="latency",
            title="lowest latency",
            label="latency",
            unit="ms",
            axis="latency per image, ms",
            slide_axis="Latency (ms)",
            spoken="{} ms",
            shown=lambda row: row.latency_ms,
            shown_interval=lambda row: row.latency_ci_ms,
            metric="log10 of latency in s",
            formula=lambda accuracy, latency, energy: latency,
            slowest_s=lambda figure, accuracy, least_w: figure,
            needs_energy=False,
        ),
        Objective(
            name="energy",
            title="lowest energy",
            label="energy",
            unit="mJ",
            axis="energy per image, mJ",
            slide_axis="Energy (mJ)",
            spoken="{} mJ",
            origin="({})",
            shown=lambda row: row.energy_mj,
            shown_interval=lambda row: row.energy_ci_mj,
            metric="log10 of energy in J",
            formula=lambda accuracy, latency, energy: energy,
            slowest_s=lambda figure, accuracy, least_w: figure / least_w,
        ),
        Objective(
            name="fom",
            title="highest FoM",
            label="FoM",
            axis="FoM = accuracy / (s × J)",
            slide_axis="FoM",
            spoken="FoM {}",
            origin="({} energy)",
            shown=lambda row: row.fom,
            shown_interval=_fom_interval,
            praised_for="fom",
            metric="log10 of FoM",
            formula=fom,
            slowest_s=lambda figure, accuracy, least_w: math.sqrt(accuracy / (figure * least_w)),
            maximise=True,
            ties_by_accuracy=False,
        ),
    )
}
