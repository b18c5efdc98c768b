"""From what a meter said and the windows of a load to energy per inference, with its 95 % interval. Arithmetic alone.

Mean power strictly inside the window x window / inferences: a reading that averaged over an edge says nothing about
either side. The interval is of chance (noise of the meter, changes of the load that it did or did not see), of edges,
clock and resolution; a meter's own gain error is not in it, as it is the same for all that are compared.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from evaluators.confidence import NORMAL_95
from evaluators.errors import MeterError
from evaluators.power.clock import Moment
from evaluators.power.mean import ALIKE_S, mean_of
from evaluators.power.meter import MeterInfo
from evaluators.power.recording import Sifted, Trace, sifted

# Fewer readings than this are no mean.
LEAST_ACTIVE = 5
LEAST_IDLE = 3
# Missing readings: of the window's, this share or this many are no gap; with more than the last there is no figure.
TOLERATED_LOST = 0.01
TOLERATED_PERIODS = 2
MOST_LOST = 0.10
# A meter that is slower than it says by more than this has a period of its own.
SLOWER = 1.1
# The readings between which a meter's own period is looked for.
SPAN = 20
# Two ways to the same figure; on a steady load they agree.
AGREE = 0.01

# Single readings of a Pi 3B+ under load scatter by 0.6 to 1.3 % in published logs, with one model 4.2 %, and neighbours
# inherit up to half: as much as 3.9 % without inheritance.
USUAL_SCATTER = 0.039
LEAST_WINDOW_S = 5.0


@dataclass(frozen=True, slots=True)
class Span:
    """A window on our clock."""

    begin: Moment
    end: Moment

    @property
    def length_s(self) -> float:
        return self.end.time_s - self.begin.time_s

    @property
    def doubt_s(self) -> float:
        return self.begin.doubt_s + self.end.doubt_s

    @property
    def surely(self) -> tuple[float, float]:
        """When the span has surely begun, and when it has surely not ended."""
        return self.begin.time_s + self.begin.doubt_s, self.end.time_s - self.end.doubt_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """When a load was idle, at work and idle again."""

    idle_before: Span
    active: Span
    idle_after: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """One inference's: total, what the contest counts; dynamic, above idle. Low and high: 95 %."""

    total_j: float
    total_low_j: float
    total_high_j: float
    dynamic_j: float
    dynamic_low_j: float
    dynamic_high_j: float
    # The other way: the trace integrated over the window, from one reading to the next.
    integrated_j: float
    mean_w: float
    # The highest single reading: shorter peaks are not seen.
    max_w: float
    idle_w: float
    # The idle power after less that before.
    idle_drift_w: float
    window_s: float
    inferences: int
    readings: int
    lost: int
    warnings: tuple[str, ...] = ()

    @property
    def relative_half_width(self) -> float:
        return (self.total_high_j - self.total_low_j) / 2 / self.total_j


def window_s(meter: MeterInfo, precision: float = 0.01) -> float:
    """How long a window makes the mean of usual readings known to `precision`: relative, half of the 95 % interval."""
    readings = (NORMAL_95 * USUAL_SCATTER / precision) ** 2
    return max(LEAST_WINDOW_S, math.ceil(readings * max(meter.period_s, ALIKE_S) + meter.period_s))


def idle_s(meter: MeterInfo, precision: float = 0.01) -> float:
    """The length of each of the two idle windows: together as long as the active one."""
    return window_s(meter, precision) / 2


def energy(trace: Trace, windows: Windows, inferences: int) -> Energy:
    """MeterError where the trace does not carry a figure: too few readings, too many lost, no output."""
    name, readings = trace.info.name, sifted(trace)
    by_window = {
        what: _seen(trace.info, readings, span, what, least)
        for what, span, least in (
            ("idle before", windows.idle_before, LEAST_IDLE),
            ("active", windows.active, LEAST_ACTIVE),
            ("idle after", windows.idle_after, LEAST_IDLE),
        )
    }
    inside, period_s = by_window["active"], _period_s(readings, trace.info)
    lost, expected = _lost(inside, windows.active, period_s, trace.info.link_s)
    warnings = _told_gaps(name, lost, expected)
    before, active, after = (mean_of(part, period_s, trace.info.resolution_w) for part in by_window.values())
    idle_w, drift_w = (before.watts + after.watts) / 2, after.watts - before.watts
    # Idle while working is between the two, one of them at worst.
    idle_half_w = math.hypot(before.half_w / 2, after.half_w / 2, drift_w / 2)
    half_w = math.hypot(
        active.half_w,
        # Where a load changes, the edges and what was lost may be its highest or its lowest part.
        NORMAL_95 * active.deviation_w * max(1 - len(inside) * period_s / windows.active.length_s, 0.0),
        active.watts * windows.active.doubt_s / windows.active.length_s,
    )
    per_inference_s = windows.active.length_s / inferences
    total_j, dynamic_j = active.watts * per_inference_s, (active.watts - idle_w) * per_inference_s
    half_j, dynamic_half_j = half_w * per_inference_s, math.hypot(half_w, idle_half_w) * per_inference_s
    integrated_j = _integrated(inside, windows.active) / inferences
    if abs(integrated_j - total_j) > max(AGREE * total_j, half_j):
        warnings.append(
            f"integrated over the trace, an inference takes {integrated_j * 1e3:.4g} mJ instead of "
            f"{total_j * 1e3:.4g} mJ: the load was not steady"
        )
    if dynamic_j <= dynamic_half_j:
        warnings.append(
            f"{name} sees no more power at work ({active.watts:.3f} W) than idle ({idle_w:.3f} W): "
            "is it this board that it feeds?"
        )
    return Energy(
        total_j=total_j,
        total_low_j=max(total_j - half_j, 0.0),
        total_high_j=total_j + half_j,
        dynamic_j=dynamic_j,
        dynamic_low_j=dynamic_j - dynamic_half_j,
        dynamic_high_j=dynamic_j + dynamic_half_j,
        integrated_j=integrated_j,
        mean_w=active.watts,
        max_w=max(reading.watts for reading in inside),
        idle_w=idle_w,
        idle_drift_w=drift_w,
        window_s=windows.active.length_s,
        inferences=inferences,
        readings=len(inside),
        lost=lost,
        warnings=tuple(warnings),
    )


# --- what was seen ---------------------------------------------------------------------------------------------------


def _oldest_s(reading: Sifted, link_s: float) -> float:
    """When its averaging may have begun. A chip that averages on its own may be read up to one averaging late."""
    return reading.ended_s - link_s - 2 * reading.reading.averaged_s


def _seen(info: MeterInfo, readings: Sequence[Sifted], span: Span, what: str, least: int) -> list[Sifted]:
    """The readings that averaged wholly inside the window."""
    begin_s, end_s = span.surely
    inside = [reading for reading in readings if begin_s <= _oldest_s(reading, info.link_s) and reading.time_s <= end_s]
    if len(inside) < least:
        raise MeterError(
            f"{info.name}: {len(inside)} readings lie wholly inside the {what} window of {span.length_s:.1f} s, "
            f"{least} are needed; measure longer, or look why it is silent"
        )
    dead = next((reading for reading in inside if reading.watts <= 0), None)
    if dead is not None:
        raise MeterError(
            f"{info.name} read {dead.watts:g} W, {dead.time_s - span.begin.time_s:.1f} s into the {what} window: "
            "was its output switched off?"
        )
    return inside


def _lost(inside: Sequence[Sifted], span: Span, period_s: float, link_s: float) -> tuple[int, int]:
    """How many readings are missing, and how many should lie wholly inside the window."""
    begin_s, end_s = span.surely
    usual_s = statistics.median(reading.time_s - link_s - _oldest_s(reading, link_s) for reading in inside)
    # The phase is chance: one more or less is none lost.
    expected = math.floor((end_s - begin_s - link_s - min(usual_s, end_s - begin_s)) / period_s)
    return max(expected - len(inside), 0), max(expected, 1)


def _period_s(readings: Sequence[Sifted], info: MeterInfo) -> float:
    """The period that the meter names, unless it is clearly slower."""
    span = min(SPAN, len(readings) - 1)
    own_s = statistics.median(
        (later.time_s - earlier.time_s) / span for earlier, later in zip(readings, readings[span:], strict=False)
    )
    return own_s if own_s > SLOWER * info.period_s else info.period_s


def _told_gaps(name: str, lost: int, expected: int) -> list[str]:
    if lost <= max(TOLERATED_PERIODS, TOLERATED_LOST * expected):
        return []
    gap = f"{name} left out {lost} of {expected} readings in the active window"
    if lost > MOST_LOST * expected:
        raise MeterError(f"{gap}, more than {MOST_LOST:.0%}: bring it nearer, or look why it falters")
    return [f"{gap}: the interval is wider, as nobody knows what the board took meanwhile"]


def _integrated(inside: Sequence[Sifted], span: Span) -> float:
    """Joules by the trapezoidal rule, each reading in the middle of its averaging, the ends held."""
    points = [(reading.time_s - reading.reading.averaged_s / 2, reading.watts) for reading in inside]
    points = [(span.begin.time_s, points[0][1]), *points, (span.end.time_s, points[-1][1])]
    return math.fsum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
