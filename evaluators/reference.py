"""Reference: the unpruned network at its own best runtime settings, timed between candidates and taken under each."""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluators.beside import beside_pairs, beside_reference
from evaluators.device.device import ProcessRun, Progress, Task
from evaluators.latency import Spread, between, process_interval
from evaluators.measured import Measured, Subject
from evaluators.measurement import Figures
from evaluators.measuring import PROCESSES, Measuring

# An older timing of the reference is no neighbour of the next candidate's.
_AGE_S = 20.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A process of the reference, timed right before or after one of a candidate."""

    figure_s: float
    dirty: tuple[str, ...]
    # The moment at which it ended, by the monotonic clock.
    ended: float


class Reference:
    """The reference on one board; its timings teach how much processes differ, and how the board's speed drifts."""

    def __init__(self, subject: Subject, earlier: Sequence[ProcessRun], measuring: Measuring) -> None:
        """`earlier` timings tell how much processes differ."""
        self.subject = subject
        self._measuring = measuring
        self._runs = list(earlier)
        self._measured: Measured | None = None
        self._measured_at = -math.inf
        # The reference as `confirm` found it undisturbed, for its energy; and its process that ran last in `confirm`.
        self._confirmed: Figures | None = None
        self._last_neighbour: Neighbour | None = None

    def is_reference(self, task: Task) -> bool:
        """Whether the task is the reference's: when it is confirmed, it is its own reference."""
        return (task.model, task.runtime) == (self.subject.file, self.subject.runtime)

    @property
    def figures(self) -> Figures | None:
        """The reference's figures as it was timed last."""
        return self._measured.figures if self._measured else None

    @property
    def spread(self) -> Spread:
        return between(self._runs)

    @property
    def energy(self) -> Figures:
        """The reference as its energy is known best."""
        assert self._measured is not None
        return self._confirmed or self._measured.figures

    def outdate(self) -> None:
        """The last timing no longer tells what the board does now."""
        self._measured_at = -math.inf

    def recalibrate(self) -> None:
        """Works the figures out anew: they are still those from before the calibration."""
        if self._measured is not None:
            runs, loads = self._measured.runs, self._measured.loads
            figures = self._measuring.figures(runs, self.subject.runtime, self.spread, loads)
            self._measured = replace(self._measured, figures=figures)
        self.outdate()

    async def time(self, progress: Progress, afresh: bool) -> Measured:
        """The reference, timed again unless the last timing is recent; with `afresh` its files are sent again too."""
        if self._measured is None or time.monotonic() - self._measured_at > _AGE_S:
            self._measured = await self._timed(progress, afresh)
            self._measured_at = time.monotonic()
        return self._measured

    async def _timed(self, progress: Progress, afresh: bool) -> Measured:
        """A disturbed timing is no neighbour, while there is a clean one: that stays."""
        measuring, runtime, before = self._measuring, self.subject.runtime, self._measured
        task = measuring.task(self.subject)
        if before is None:
            measuring.learn(task, self._runs)
        runs = []
        for _ in range(max(1, PROCESSES - len(self._runs))):
            progress("reference", 0)
            runs.append(self.noted(await measuring.run(replace(task, afresh=afresh)), task))
        # Its energy is measured once: between candidates only the clock drifts, which latency tells.
        loads = before.loads if before else await measuring.loads(task, 1, progress)
        # How much processes differ was learned before: these would count twice.
        figures = measuring.figures(runs, runtime, self.spread, loads)
        self._runs += [run for run in runs if not measuring.dirt(run, runtime)]
        measuring.learn(task, runs)
        if before is not None and figures.dirty and not before.figures.dirty:
            return before
        return Measured(figures, tuple(runs), loads)

    async def neighbour(self, progress: Progress, *, recent: bool = True) -> Neighbour:
        """One process of the reference; with `recent` one that has only just ended will do."""
        age_s = time.monotonic() - self._last_neighbour.ended if self._last_neighbour else math.inf
        if self._last_neighbour is None or not recent or age_s > _AGE_S:
            progress("reference", 0)
            task = self._measuring.task(self.subject)
            run = await self._measuring.retries.of(lambda: self._measuring.run(task))
            dirty = self._measuring.dirt(run, task.runtime)
            if not dirty:
                self._runs.append(run)
            self._last_neighbour = Neighbour(process_interval(run)[0], tuple(dirty), time.monotonic())
        return self._last_neighbour

    def confirmed(self, figures: Figures) -> None:
        """Takes over confirmed figures: disturbed ones are nothing to take every candidate's energy over."""
        self._confirmed = self._confirmed if figures.dirty else figures

    def noted(self, run: ProcessRun, task: Task) -> ProcessRun:
        """The run with what the reference took last, on this board's own scale. A recording says what it took then."""
        if self._measuring.device.info.recorded:
            return run
        if self._measured is None or self.is_reference(task):
            return replace(run, reference_s=None, reference_j=None)
        figures, calibration = self._measured.figures, self._measuring.calibration
        return replace(run, reference_s=figures.latency_s / calibration, reference_j=figures.energy_j / calibration)

    def under(self, figures: Figures, runs: Sequence[ProcessRun]) -> Figures:
        """The figures over the reference's process nearest to each; older recordings do not say what that took."""
        if self._measured is None:
            return figures
        reference = self._measured.figures
        noted = [(run, run.reference_s, run.reference_j) for run in runs if run.reference_s and run.reference_j]
        if not noted or len(noted) < len(runs):
            return beside_reference(figures, reference)
        return beside_reference(
            figures,
            reference,
            ratio=statistics.median(process_interval(run)[0] / reference_s for run, reference_s, _ in noted),
            reference_energy_j=self._measuring.calibration
            * statistics.median(reference_j for _, _, reference_j in noted),
        )

    def under_pairs(self, figures: Figures, pairs: Sequence[float], dirty: Sequence[str], spread: Spread) -> Figures:
        """The figures of a confirmation: `pairs` are latencies over those of the neighbours, and `dirty` what disturbed
        these."""
        reasons = [*figures.dirty, *dirty, *(f"the reference's energy: {reason}" for reason in self.energy.dirty)]
        over = beside_pairs(figures, self.energy, pairs, spread)
        return replace(over, dirty=tuple(dict.fromkeys(reasons)))
