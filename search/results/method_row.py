"""A method's row: one network of a grid whose fractions are of the parameters, and the figures that are shown of it.

Energies stand beside the unpruned network's: each is that network's times the ratio to its nearest run, as machines
change their speed while a grid is measured.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from search.results.interval_figure import Figure
from search.results.rows import Row
from search.settings.grid import Point
from space.pruning.criteria import method_title


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One network. What was built before sizes were asked for has no such row."""

    point: Point
    row: Row
    # What all are held beside, in the same kind of file and runtime.
    unpruned: Row

    @property
    def name(self) -> str:
        return method_title(self.point.criterion) if self.point.criterion else "unpruned"

    @property
    def asked(self) -> float:
        return self.point.fraction

    @property
    def sparsity(self) -> float:
        return self.row.sparsity or 0.0

    @property
    def accuracy(self) -> Figure:
        """The accuracy in points, on validation: the same images for all."""
        low, high = (self.row.search or {}).get("accuracy_ci") or self.row.accuracy_ci
        return Figure(100 * self.row.validation_accuracy, (100 * low, 100 * high))

    @property
    def file_mb(self) -> Figure:
        return _exact(self.row.file_mb)

    @property
    def packed_mb(self) -> Figure:
        return _exact(self.row.packed_mb)

    @property
    def energy_ratio(self) -> Figure:
        """The energy over the unpruned network's."""
        if self.row is self.unpruned:
            return Figure(1.0, (1.0, 1.0))
        return _energy(self.row).over(_energy(self.unpruned))

    @property
    def latency_ratio(self) -> Figure:
        if self.row is self.unpruned:
            return Figure(1.0, (1.0, 1.0))
        return _latency(self.row).over(_latency(self.unpruned))

    @property
    def energy_mwh(self) -> Figure:
        """The energy of 2,000 inferences."""
        if self.row is self.unpruned:
            scale = self.row.mwh_per_2000 / self.row.energy_mj
            return Figure(self.row.mwh_per_2000, (scale * self.row.energy_ci_mj[0], scale * self.row.energy_ci_mj[1]))
        return self.energy_ratio.times(self.unpruned.mwh_per_2000)

    @property
    def mwh_per_point(self) -> Figure:
        return self.energy_mwh.over(self.accuracy)

    @property
    def mwh_per_mb(self) -> Figure:
        return self.energy_mwh.over(self.packed_mb)

    @property
    def points_per_mb(self) -> Figure:
        return self.accuracy.over(self.packed_mb)


def _exact(value: float | None) -> Figure:
    known = math.nan if value is None else value
    return Figure(known, (known, known))


def _energy(row: Row) -> Figure:
    return Figure(row.energy_ratio, row.energy_ratio_ci)


def _latency(row: Row) -> Figure:
    """The latency over the reference's nearest in time."""
    gain, ends = row.latency_gain or math.nan, row.latency_gain_ci
    if not ends or min(ends) <= 0:
        return Figure(1 / gain, (0.0, math.inf))
    return Figure(1 / gain, (1 / ends[1], 1 / ends[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure of a table, of a picture, or of both."""

    key: str
    title: str
    unit: str
    # The heading above its column.
    head: str
    of: Callable[[MethodRow], Figure]


ACCURACY = Shown(key="accuracy", title="accuracy", unit="%", head="accuracy %", of=lambda row: row.accuracy)
FILE = Shown(key="file_mb", title="file", unit="MB", head="file MB", of=lambda row: row.file_mb)
PACKED = Shown(key="packed_mb", title="size, compressed", unit="MB", head="compressed MB", of=lambda row: row.packed_mb)
LATENCY = Shown(
    key="latency_over_unpruned", title="latency", unit="x unpruned", head="latency x", of=lambda row: row.latency_ratio
)
ENERGY = Shown(
    key="mwh_per_2000",
    title="energy",
    unit="mWh per 2,000",
    head="mWh per 2,000",
    of=lambda row: row.energy_mwh,
)
PER_MB = Shown(key="mwh_per_mb", title="energy per MB", unit="mWh/MB", head="mWh/MB", of=lambda row: row.mwh_per_mb)
PER_POINT = Shown(
    key="mwh_per_2000_per_point",
    title="energy per accuracy point",
    unit="mWh/point",
    head="mWh/point",
    of=lambda row: row.mwh_per_point,
)
POINTS = Shown(
    key="points_per_mb",
    title="accuracy points per MB",
    unit="points/MB",
    head="points/MB",
    of=lambda row: row.points_per_mb,
)
SHOWN = (ACCURACY, FILE, PACKED, LATENCY, ENERGY, PER_MB, PER_POINT, POINTS)
