"""A board under load and the meter that feeds it, in simulated time, so that the true joules are known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.power.clock import Moment
from evaluators.power.energy import Span, Windows
from evaluators.power.meter import MeterInfo, PowerReading
from evaluators.power.recording import Trace
from evaluators.power.smartpower3 import LINK_S

VOLTS = 5.1
GRID_S = 0.001
# Seconds before the first idle window, and between two windows.
SETTLE_S = 0.5
# Our clock when the recording begins.
BEGIN_S = 1000.0
INFERENCE_S = 0.0015


@dataclass(frozen=True)
class Load:
    """What the board takes."""

    idle_w: float = 3.4
    active_w: float = 5.5
    # A change over the active window, relative to the power above idle: the board warms up.
    drift: float = 0.0
    # A change somewhere in the active window, relative to the power above idle: a clock that falls or rises.
    step: float = 0.0
    # How many per second, their mean length in seconds, relative to the power: somebody else's work, or none for a
    # while.
    bursts: tuple[float, float, float] = (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Meter:
    period_s: float
    averaged_s: float
    # The noise of one reading, relative, and how much of it the next inherits.
    noise: float = 0.0
    inherited: float = 0.0
    resolution_w: float = 0.0
    # The most from the end of an averaging interval until its reading is here.
    delay_s: float = 0.05
    # What the meter says of that delay.
    link_s: float = 0.1

    @property
    def info(self) -> MeterInfo:
        return MeterInfo("meter", self.period_s, resolution_w=self.resolution_w, link_s=self.link_s)


# A SmartPower2 over Wi-Fi, and a SmartPower3 at its quickest.
SLOW = Meter(period_s=1.0, averaged_s=0.264, noise=0.013, inherited=0.5, resolution_w=0.001)
QUICK = Meter(0.005, 0.005, noise=0.015, inherited=0.5, resolution_w=0.001, delay_s=0.01, link_s=LINK_S)


@dataclass(frozen=True)
class Simulated:
    trace: Trace
    windows: Windows
    inferences: int
    # What the active window took.
    joules: float

    @property
    def true_j(self) -> float:
        return self.joules / self.inferences


def simulated(load: Load, meter: Meter, *, active_s: float, idle_s: float, seed: int = 0) -> Simulated:
    random = np.random.default_rng(seed)
    edges = np.cumsum([SETTLE_S, idle_s, SETTLE_S, active_s, SETTLE_S, idle_s, SETTLE_S])
    power = drawn(load, edges, random)
    begin, end = (round(edge / GRID_S) for edge in edges[2:4])
    return Simulated(
        Trace(meter.info, tuple(read(power, meter, random))),
        Windows(
            idle_before=span(edges[0], edges[1]), active=span(edges[2], edges[3]), idle_after=span(edges[4], edges[5])
        ),
        round(active_s / INFERENCE_S),
        float(power[begin:end].sum()) * GRID_S,
    )


def span(begin_s: float, end_s: float, doubt_s: float = 0.0005) -> Span:
    return Span(Moment(BEGIN_S + float(begin_s), doubt_s), Moment(BEGIN_S + float(end_s), doubt_s))


def drawn(load: Load, edges: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Watts on the grid."""
    times = np.arange(round(edges[-1] / GRID_S)) * GRID_S
    working = (times >= edges[2]) & (times < edges[3])
    share = (times - edges[2]) / (edges[3] - edges[2])
    power = np.full(len(times), load.idle_w)
    power[working] += (load.active_w - load.idle_w) * (1 + load.drift * (share[working] - 0.5))
    power[working & (share > random.uniform(0.2, 0.8))] += load.step * (load.active_w - load.idle_w)
    rate, length_s, height = load.bursts
    for start in np.nonzero(random.random(len(times)) < rate * GRID_S)[0]:
        power[start : start + round(random.exponential(length_s) / GRID_S)] *= 1 + height
    return power


def read(power: NDArray[np.float64], meter: Meter, random: np.random.Generator) -> list[PowerReading]:
    """The meter's readings: its phase is chance, and so is how long a reading takes to be here."""
    energy_j = np.concatenate([[0.0], np.cumsum(power) * GRID_S])
    ends = np.arange(meter.averaged_s + random.random() * meter.period_s, len(power) * GRID_S, meter.period_s)
    grid = np.arange(len(energy_j)) * GRID_S
    watts = np.diff([np.interp(ends - meter.averaged_s, grid, energy_j), np.interp(ends, grid, energy_j)], axis=0)[0]
    watts *= (1 + meter.noise * inherited(len(ends), meter.inherited, random)) / meter.averaged_s
    if meter.resolution_w:
        watts = np.round(watts / meter.resolution_w) * meter.resolution_w
    arrivals_s = np.maximum.accumulate(ends + meter.delay_s * random.random(len(ends)))
    return [
        PowerReading(BEGIN_S + time_s, VOLTS, value / VOLTS, value, meter.averaged_s)
        for time_s, value in zip(arrivals_s.tolist(), watts.tolist(), strict=True)
    ]


def inherited(count: int, share: float, random: np.random.Generator) -> NDArray[np.float64]:
    """A first-order autoregressive series of variance 1."""
    values = random.normal(size=count)
    for place in range(1, count):
        values[place] = share * values[place - 1] + (1 - share**2) ** 0.5 * values[place]
    return values
