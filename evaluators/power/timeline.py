"""Timeline: when a reading was made, judged by when its line came in; late lines are told from fresh ones."""

from evaluators.errors import MeterError
from evaluators.power.meter import MeterInfo, PowerReading
from evaluators.power.sample import Sample

# Two lines closer than this share of the period did not come as they were made.
BURST = 0.5
# The same figures again within this much of a period are the same reading, printed twice.
REPEAT = 0.75
# A period that the kind of meter does not tell is learned from so many lines.
LEARNED_LINES = 5
# Two crystals of 100 ppm each.
DRIFT = 200e-6
# Delays of a serial adapter or of Wi-Fi; a clock that is known less well than this is not known.
UNSURE_S = 0.25


class Timeline:
    """When the lines of one connection were made; what came in its first `settle_s` is no data."""

    def __init__(self, name: str, began_s: float, settle_s: float) -> None:
        self._name = name
        self._settled_s = began_s + settle_s
        self._arrivals = _Arrivals()
        self._clock = _MeterClock(name)
        self._last: tuple[float, Sample] | None = None
        self._spacing = _Spacing()

    def period_s(self, info: MeterInfo) -> float:
        """The period as the meter's kind says, or else as its lines come; zero as long as nobody knows."""
        return info.period_s or self._spacing.mean_s

    def place(self, sample: Sample, arrived_s: float, info: MeterInfo) -> PowerReading | None:
        """The reading that is due now, if one is."""
        own_s = arrived_s if sample.meter_s is None else sample.meter_s
        settling = arrived_s < self._settled_s
        if not settling:
            self._spacing.note(own_s)
        period_s = self.period_s(info)
        if self._last is not None:
            last_s, last = self._last
            if sample.same_figures(last) and 0 <= own_s - last_s < REPEAT * period_s:
                return None
        self._last = own_s, sample
        if sample.meter_s is not None:
            time_s = self._clock.time_of(sample.meter_s, arrived_s, settling)
            return None if settling or not period_s else _reading(sample, time_s, info)
        due = self._arrivals.due(sample, arrived_s, period_s)
        if due is None or due[1] < self._settled_s or not period_s:
            return None
        return _reading(due[0], due[1], info)


class _Spacing:
    """The time between the first few lines; from then on it is known, or a burst would pass for a fast meter."""

    def __init__(self) -> None:
        self._times_s: list[float] = []

    def note(self, own_s: float) -> None:
        if len(self._times_s) < LEARNED_LINES:
            self._times_s.append(own_s)

    @property
    def mean_s(self) -> float:
        times_s = self._times_s
        return (times_s[-1] - times_s[0]) / (LEARNED_LINES - 1) if len(times_s) == LEARNED_LINES else 0.0


class _Arrivals:
    """Lines without a clock of the meter's: a reading waits for the next one, whose distance tells whether it was late.

    Of lines that came in at once all but the last were made earlier, nobody knows when: they are no readings. What is
    left is late by less than half a period.
    """

    def __init__(self) -> None:
        self._held: tuple[Sample, float] | None = None

    def due(self, sample: Sample, arrived_s: float, period_s: float) -> tuple[Sample, float] | None:
        held, self._held = self._held, (sample, arrived_s)
        return held if held is not None and arrived_s - held[1] >= BURST * period_s else None


class _MeterClock:
    """A meter with a clock of its own: the quickest delivery so far says how the two clocks stand."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._offset_s: float | None = None
        self._last_s = 0.0

    def time_of(self, meter_s: float, arrived_s: float, settling: bool) -> float:
        offset_s = arrived_s - meter_s
        if self._offset_s is not None:
            if meter_s <= self._last_s:
                raise MeterError(
                    f"{self._name}: its clock went from {self._last_s:.3f} s back to {meter_s:.3f} s; did it restart?"
                )
            known_s = self._offset_s + DRIFT * (meter_s - self._last_s)
            if not settling and known_s - offset_s > UNSURE_S:
                raise MeterError(
                    f"{self._name}: its readings came {known_s - offset_s:.1f} s late until now; "
                    "is the connection, or this machine, overloaded?"
                )
            offset_s = min(offset_s, known_s)
            if not settling:
                # Times go on, whatever a quicker delivery says about earlier ones: half as fast until they are right.
                offset_s = max(offset_s, self._offset_s - (meter_s - self._last_s) / 2)
        self._offset_s, self._last_s = offset_s, meter_s
        return meter_s + offset_s


def _reading(sample: Sample, time_s: float, info: MeterInfo) -> PowerReading:
    return PowerReading(time_s, sample.volts, sample.amps, sample.watts, info.averaged_s)
