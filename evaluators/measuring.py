"""Measuring: processes and loads of one model on one device, disturbed ones again, and the figures from them."""

import contextlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.bench import Bench, bench_of
from evaluators.device.cleanliness import dirt
from evaluators.device.device import Device, LoadRun, ProcessRun, Progress, Task
from evaluators.energy_figures import EnergyFigures, Taken, estimated_energy, measured_energy, predicted_energy
from evaluators.errors import DeviceError, MeterError
from evaluators.latency import Latency, Spread, latency, process_interval
from evaluators.measured import Subject
from evaluators.measurement import Figures
from evaluators.metered import Metered, load_task, metered
from evaluators.power.estimate import DEFAULT_MODEL, PowerModel, busy_cores
from evaluators.power.meter import PowerMeter
from evaluators.provenance import Kind, Provenance
from evaluators.repeats import Repeats
from evaluators.retries import DISTURBED_REPEATS, Retries, on_device
from evaluators.runtimes.settings import RuntimeSettings
from space.errors import CandidateError

# Processes for a candidate near the lead, and for every confirmation.
PROCESSES = 3


def quiet(step: str, share: float) -> None:
    return None


@dataclass
class Measuring:
    """Owns what is measured with: one task at a time."""

    device: Device
    images: Path
    # None: energy is estimated.
    meter: PowerMeter | None = None
    retries: Retries = field(default_factory=Retries)
    # The board's, once it is known.
    power: PowerModel = DEFAULT_MODEL
    # Latencies of this board times this are those of the study's boards.
    calibration: float = 1.0
    # What was timed on this board, and is timed again now and then: it tells how much processes differ.
    repeats: Repeats = field(default_factory=Repeats)
    # What loads on this bench took: it predicts the energy of candidates that are not loaded.
    taken: list[Taken] = field(default_factory=list)

    @property
    def bench(self) -> Bench:
        return bench_of(self.device.info, self.meter.info.identity if self.meter else self.power.title)

    def task(self, subject: Subject) -> Task:
        return Task(model=subject.file, images=self.images, runtime=subject.runtime, mean=subject.mean, std=subject.std)

    async def run(self, task: Task, progress: Progress = quiet) -> ProcessRun:
        """One run, taken again while it is disturbed, then as it is. A recording has its repeats behind it."""
        run = await on_device(lambda tell: self.device.run(task, tell), progress)
        for _ in range(0 if self.device.info.recorded else DISTURBED_REPEATS):
            if not self.dirt(run, task.runtime):
                break
            run = await on_device(lambda tell: self.device.run(task, tell), progress)
        return run

    async def loads(self, task: Task, count: int, progress: Progress) -> tuple[Metered, ...]:
        """A minute of meter each; a meter that fails in the middle is asked again."""
        if self.meter is None:
            return ()
        meter = self.meter
        loads = []
        for _ in range(count):
            load = await self.retries.of(
                lambda: on_device(
                    lambda tell: metered(self.device, meter, load_task(task, meter.info), tell), progress
                ),
                MeterError,
            )
            self.taken.append(Taken(busy_cores(load.load), load.energy.mean_w, load.energy.idle_w))
            loads.append(load)
        return tuple(loads)

    def dirt(self, run: ProcessRun | LoadRun, runtime: RuntimeSettings) -> list[str]:
        return dirt(run, cores=self.device.info.cores, threads=runtime.threads)

    def learn(self, task: Task, runs: Sequence[ProcessRun]) -> None:
        """A disturbed run tells of others, not of this model."""
        for run in runs:
            if not self.dirt(run, task.runtime):
                self.repeats.add(task.model, task.runtime, run)

    async def repeat_a_neighbour(self, task: Task, runs: Sequence[ProcessRun], progress: Progress) -> None:
        """One more process of a model near this one in latency; a recording has none."""
        if self.device.info.recorded:
            return
        neighbour = self.repeats.to_be_repeated(task.model, task.runtime, middle_s(runs))
        if neighbour is None:
            return
        progress("a neighbour in latency", 0)
        again = Task(model=neighbour.file, images=self.images, runtime=neighbour.runtime)
        # What fails here is no fault of the candidate's; what is disturbed waits for the next time.
        with contextlib.suppress(CandidateError, DeviceError):
            self.learn(again, [await self.device.run(again, progress)])

    def spread(self, task: Task, runs: Sequence[ProcessRun]) -> Spread:
        """How much processes of a model of this latency differ, as its neighbours in latency say."""
        return self.repeats.spread(task.model, task.runtime, middle_s(runs))

    def figures(
        self, runs: Sequence[ProcessRun], runtime: RuntimeSettings, spread: Spread, loads: Sequence[Metered] = ()
    ) -> Figures:
        figure = latency(runs, spread).scaled(self.calibration)
        info = self.device.info
        framework = info.framework(runtime.runtime) or info.runtime
        all_runs: list[ProcessRun | LoadRun] = [*runs, *(load.load for load in loads)]
        dirty = [reason for run in all_runs for reason in self.dirt(run, runtime)]
        energy = self._energy(figure, runs, loads)
        return Figures(
            latency_s=figure.figure_s,
            latency_low_s=figure.low_s,
            latency_high_s=figure.high_s,
            latency_mean_s=figure.mean_s,
            course_latency_s=self._course_latency_s(runs),
            latency_provenance=Provenance(Kind.MEASURED, f"{info.model}, {framework}"),
            energy_j=energy.total_j,
            energy_dynamic_j=energy.dynamic_j,
            energy_low_j=energy.low_j,
            energy_high_j=energy.high_j,
            energy_provenance=energy.provenance,
            energy_integrated_j=energy.integrated_j,
            mean_power_w=energy.mean_w,
            max_power_w=energy.max_w,
            idle_power_w=energy.idle_w,
            memory_bytes=max(run.memory_peak_bytes - run.memory_imports_bytes for run in runs),
            memory_anonymous_bytes=max((run.memory_anonymous_bytes or 0 for run in runs), default=None) or None,
            processes=figure.processes,
            inferences=figure.samples,
            framework=framework,
            serial=info.serial,
            dirty=tuple(dict.fromkeys(dirty)),
            warnings=tuple(
                dict.fromkeys([*(warning for run in all_runs for warning in run.warnings), *energy.warnings])
            ),
        )

    def _course_latency_s(self, runs: Sequence[ProcessRun]) -> float | None:
        courses = [run.course_s for run in runs if run.course_s is not None]
        return self.calibration * statistics.median(courses) if courses else None

    def _energy(self, figure: Latency, runs: Sequence[ProcessRun], loads: Sequence[Metered]) -> EnergyFigures:
        """The energy: measured, of who is in the race; else predicted by what this bench takes; estimated without a
        meter."""
        if self.meter is not None and loads:
            return measured_energy([load.energy for load in loads], self.meter.info.provenance)
        if self.meter is not None and self.taken:
            return predicted_energy(figure, runs, self.taken)
        return estimated_energy(figure, runs, self.power)


def middle_s(runs: Sequence[ProcessRun]) -> float:
    return statistics.median(process_interval(run)[0] for run in runs)
