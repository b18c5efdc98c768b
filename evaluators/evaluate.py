"""Candidate's file -> Measurement on one device: the reference between candidates, dirty runs again, faults sorted."""

import asyncio
import contextlib
import math
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from evaluators.bench import Bench, bench_of
from evaluators.beside import beside_pairs, beside_reference
from evaluators.course import CourseFigures, course_figures, estimated_script, measured_script
from evaluators.device.cleanliness import dirt
from evaluators.device.device import (
    LOADING,
    CourseTask,
    Device,
    LoadRun,
    ProcessRun,
    Progress,
    RuntimeSettings,
    Task,
)
from evaluators.energy_figures import EnergyFigures, Taken, estimated_energy, measured_energy, predicted_energy
from evaluators.errors import DeviceError, LoadedModelError, MeterError, RigError
from evaluators.latency import Latency, Spread, between, latency, process_interval
from evaluators.measurement import Figures
from evaluators.metered import Metered, load_task, metered, metered_course
from evaluators.power.estimate import DEFAULT_MODEL, PowerModel, busy_cores, power_model_of
from evaluators.power.meter import PowerMeter
from evaluators.power.recording import heard
from evaluators.provenance import Kind, Provenance
from evaluators.raw import text_of
from evaluators.repeats import Repeats
from space.errors import CandidateError

T = TypeVar("T")

# A dirty run is taken again this often, then kept and marked.
_REPEATS = 2
# So often a candidate may fail where the reference does not.
_FAILURES = 3
# Processes for a candidate near the lead, and for every confirmation.
PROCESSES = 3
# A file measured without a reference has no neighbours, which would tell how much processes differ: with nine degrees
# of freedom its own do, to 1 / sqrt(2 x 9) = 24 %.
_PROCESSES_ALONE = 10
# An older timing of the reference is no neighbour of the next candidate's.
_REFERENCE_AGE_S = 20.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A file, and how it is to be run."""

    name: str
    onnx: Path
    runtime: RuntimeSettings


def _quiet(step: str, share: float) -> None:
    return None


def never(figures: Figures) -> bool:
    return False


def _always(figures: Figures) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Race:
    """What the lead asks of a candidate: whether figures come near it, and the latency above which none can."""

    near: Callable[[Figures], bool]
    hopeless_above_s: float | None = None


NO_RACE = Race(never)
# Nobody leads yet: every figure counts.
FRONT = Race(_always)


@dataclass(frozen=True, slots=True)
class Measured:
    figures: Figures
    runs: tuple[ProcessRun, ...]
    # With a meter, of a candidate in the race: what the board did and the meter said.
    loads: tuple[Metered, ...] = ()

    @property
    def raw(self) -> str:
        return text_of(self.runs)

    @property
    def traces(self) -> tuple[str, ...]:
        """What the meter said, and when what was going on: energy can be worked out from it again."""
        return tuple(load.to_text() for load in self.loads)

    @property
    def predictions(self) -> tuple[int, ...]:
        return self.runs[0].predictions


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """A process of the reference, timed right before or after one of a candidate."""

    figure_s: float
    dirty: tuple[str, ...]
    # The moment at which it ended, by the monotonic clock.
    ended: float


@dataclass
class Examiner:
    """Owns a device while it is entered. Everything runs in one event loop, one task at a time."""

    device: Device
    images: Path
    # None: energy is estimated.
    meter: PowerMeter | None = None
    # The reference: the unpruned network at its own best runtime settings, and all its timings, earlier ones too.
    reference: Subject | None = None
    reference_runs: list[ProcessRun] = field(default_factory=list)
    # Of the board, once it is known.
    power: PowerModel = DEFAULT_MODEL
    # A fault of the rig is tried again after these, in seconds.
    pauses: Sequence[float] = (1.0, 5.0, 15.0, 60.0)
    # Latencies of this board times this are those of the study's boards.
    calibration: float = 1.0
    # What was timed on this board, and is timed again now and then: it tells how much processes differ.
    _repeats: Repeats = field(default_factory=Repeats)
    # What loads on this bench took.
    _taken: list[Taken] = field(default_factory=list)
    _reference: Measured | None = None
    _reference_at: float = -math.inf
    # As `confirm` measured it undisturbed, for the energy; and the process of it that ran last in `confirm`.
    _confirmed_reference: Figures | None = None
    _last_neighbour: _Neighbour | None = None

    @property
    def bench(self) -> Bench:
        return bench_of(self.device.info, self.meter.info.identity if self.meter else self.power.title)

    @property
    def reference_figures(self) -> Figures | None:
        """As it was timed last."""
        return self._reference.figures if self._reference else None

    def calibrate(self, factor: float) -> None:
        if factor != self.calibration:
            self.calibration = factor
            if self._reference is not None and self.reference is not None:
                # Its figures are still those of before.
                spread = between(self.reference_runs)
                loads = self._reference.loads
                figures = self._figures(self._reference.runs, self.reference.runtime, spread, loads)
                self._reference = replace(self._reference, figures=figures)
            self._reference_at = -math.inf

    async def open(self) -> None:
        """What fails is tried once more, for a connection that drops; a person waits to hear what is wrong."""
        await self._patiently(self.device.__aenter__, pauses=self.pauses[:1])
        self.power = power_model_of(self.device.info.model)
        if self.meter is not None:
            meter = self.meter
            try:
                await self._patiently(lambda: heard(meter), MeterError, self.pauses[:1])
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        await self.device.__aexit__(None, None, None)

    async def measure_reference(self, progress: Progress = _quiet, *, afresh: bool = False) -> Measured:
        """Timed again unless the last timing is recent; a fault is tried again, as it can only be the rig's.

        `afresh`: its files are sent again too, as a candidate's are.
        """
        return await self._patiently(lambda: self._time_reference(progress, afresh))

    async def _time_reference(self, progress: Progress, afresh: bool) -> Measured:
        assert self.reference is not None
        if self._reference is None or time.monotonic() - self._reference_at > _REFERENCE_AGE_S:
            task = replace(self._task(self.reference), afresh=afresh)
            if self._reference is None:
                self._learn(task, self.reference_runs)
            runs = []
            for _ in range(max(1, PROCESSES - len(self.reference_runs))):
                progress("reference", 0)
                runs.append(await self._run(task))
            # Its energy once: between candidates only the clock drifts, which latency tells.
            loads = (
                self._reference.loads if self._reference else await self._loads(self._task(self.reference), 1, progress)
            )
            # How much processes differ was learned before: these would count twice.
            figures = self._figures(runs, self.reference.runtime, between(self.reference_runs), loads)
            # A dirty timing is no neighbour either, while there is a clean one.
            if not figures.dirty or self._reference is None or self._reference.figures.dirty:
                self._reference = Measured(figures, tuple(runs), loads)
            self.reference_runs += [run for run in runs if not self._dirt(run, self.reference.runtime)]
            self._learn(self._task(self.reference), runs)
            self._reference_at = time.monotonic()
        assert self._reference is not None
        return self._reference

    async def measure(
        self,
        subject: Subject,
        race: Race = NO_RACE,
        progress: Progress = _quiet,
        earlier: Sequence[ProcessRun] = (),
    ) -> Measured:
        """Search mode: one process, three for a candidate whose figures come near the lead; `earlier` ones count.

        A fault before the model is loaded (the connection, a full disk) is the rig's. Whose one is that comes later,
        the reference tells, sent and measured in between.
        """
        hopeless_s = None if race.hopeless_above_s is None else race.hopeless_above_s / self.calibration
        task = replace(self._task(subject), hopeless_above_s=hopeless_s)
        if self.reference is None:
            alone = PROCESSES if self.device.info.recorded else _PROCESSES_ALONE
            return await self._patiently(lambda: self._measure(task, race.near, progress, earlier, alone))
        failures: list[str] = []
        for pause in (*self.pauses, *[0.0] * _FAILURES)[:_FAILURES]:
            await self.measure_reference(progress, afresh=bool(failures))
            measured = await self._patiently(lambda: self._measured_or_failed(task, race.near, progress, earlier))
            if isinstance(measured, Measured):
                return measured
            failures.append(str(measured))
            # Not the last timing of the reference tells, but what the board does now.
            self._reference_at = -math.inf
            await asyncio.sleep(pause)
        await self.measure_reference(progress, afresh=True)
        raise CandidateError(f"the device failed on it {len(failures)} times, on the reference never: {failures[-1]}")

    async def _measured_or_failed(
        self, task: Task, near: Callable[[Figures], bool], progress: Progress, earlier: Sequence[ProcessRun]
    ) -> Measured | LoadedModelError:
        """The fault is handed back where it may be the model's: it is not to be tried again as one of the rig's."""
        try:
            return await self._measure(task, near, progress, earlier)
        except LoadedModelError as error:
            return error

    async def confirm(
        self,
        subject: Subject,
        images: Path,
        progress: Progress = _quiet,
        earlier: Measured | None = None,
    ) -> Measured:
        """Confirm mode: every image, in three processes, or in one more than `earlier` had; before and after each of
        them runs a process of the reference, so that each latency has a neighbour of its own minute."""
        task = replace(self._task(subject), images=images, passes=1)
        runs, pairs = (list(earlier.runs), list(earlier.figures.pairs)) if earlier else ([], [])
        count = 1 if earlier else PROCESSES
        is_reference, dirty = self._is_reference(task), list(earlier.figures.dirty) if earlier else []
        for _ in range(count):
            before = None if is_reference else await self._neighbour(progress)
            run = await self._patiently(lambda: self._run(task, progress))
            runs.append(run)
            self._learn(task, [run])
            if before is not None:
                after = await self._neighbour(progress, recent=False)
                pairs.append(process_interval(run)[0] / statistics.fmean((before.figure_s, after.figure_s)))
                dirty += [f"the reference beside it: {reason}" for reason in (*before.dirty, *after.dirty)]
        fresh = await self._patiently(lambda: self._loads(task, count, progress))
        loads = (*(earlier.loads if earlier else ()), *fresh)
        spread = self._spread(task, runs)
        figures = self._figures(runs, task.runtime, spread, loads)
        if is_reference:
            # What was disturbed is no figure to take every candidate's energy over.
            self._confirmed_reference = self._confirmed_reference if figures.dirty else figures
        else:
            assert self._reference is not None
            energy = self._confirmed_reference or self._reference.figures
            dirty += [f"the reference's energy: {reason}" for reason in energy.dirty]
            figures = beside_pairs(figures, energy, pairs, spread)
            figures = replace(figures, dirty=tuple(dict.fromkeys([*figures.dirty, *dirty])))
        return Measured(figures, tuple(runs), loads)

    async def _neighbour(self, progress: Progress, *, recent: bool = True) -> "_Neighbour":
        """One process of the reference; with `recent` one that has only just ended will do."""
        assert self.reference is not None
        age_s = time.monotonic() - self._last_neighbour.ended if self._last_neighbour else math.inf
        if self._last_neighbour is None or not recent or age_s > _REFERENCE_AGE_S:
            progress("reference", 0)
            task = self._task(self.reference)
            run = await self._patiently(lambda: self._run(task))
            dirty = self._dirt(run, task.runtime)
            if not dirty:
                self.reference_runs.append(run)
            self._last_neighbour = _Neighbour(process_interval(run)[0], tuple(dirty), time.monotonic())
        return self._last_neighbour

    async def predictions(self, subject: Subject, images: Path, progress: Progress = _quiet) -> tuple[int, ...]:
        """Its answers to these images."""
        task = replace(self._task(subject), images=images, passes=1)
        run = await self._patiently(lambda: self.device.run(task, progress))
        return run.predictions

    async def check_course(self) -> None:
        self.device.check_course()

    async def course(self, subject: Subject, images: Path, count: int, progress: Progress = _quiet) -> CourseFigures:
        """The course's protocol over a bundle of `count` images; a fault costs a second try: it takes minutes each."""
        task = CourseTask(model=subject.onnx, images=images, count=count, runtime=subject.runtime)
        return await self._patiently(lambda: self._course(task, progress), RigError, self.pauses[:1])

    async def _course(self, task: CourseTask, progress: Progress) -> CourseFigures:
        info, threads = self.device.info, task.runtime.threads
        if self.meter is None:
            run = await self.device.course(task, progress)
            return course_figures(run, estimated_script(run, self.power), info=info, threads=threads)
        run, energy = await metered_course(self.device, self.meter, task, progress)
        return course_figures(run, measured_script(energy, self.meter.info.provenance), info=info, threads=threads)

    async def _patiently(
        self,
        attempt: Callable[[], Awaitable[T]],
        fault: type[RigError] = DeviceError,
        pauses: Sequence[float] | None = None,
    ) -> T:
        """What fails by this fault is tried again with growing pauses; a board that starts anew takes a minute."""
        for pause in self.pauses if pauses is None else pauses:
            try:
                return await attempt()
            except fault:
                await asyncio.sleep(pause)
        return await attempt()

    async def _measure(
        self,
        task: Task,
        near: Callable[[Figures], bool],
        progress: Progress,
        earlier: Sequence[ProcessRun] = (),
        processes: int = PROCESSES,
    ) -> Measured:
        known = [run for run in earlier if not self._dirt(run, task.runtime)]
        runs = known or [await self._run(task, progress)]
        await self._repeat_a_neighbour(task, runs, progress)
        figures = self._figures(runs, task.runtime, self._spread(task, runs))
        loads: tuple[Metered, ...] = ()
        if near(figures):
            while len(runs) < processes:
                runs.append(await self._run(task, progress))
            loads = await self._loads(task, PROCESSES if task.passes else 1, progress)
            figures = self._figures(runs, task.runtime, self._spread(task, runs), loads)
        self._learn(task, runs[len(known) :])
        if not self._is_reference(task):
            figures = self._beside_its_reference(figures, runs)
        return Measured(figures, tuple(runs), loads)

    def _beside_its_reference(self, figures: Figures, runs: Sequence[ProcessRun]) -> Figures:
        """Each process over the reference's nearest; a recording of an older version does not say what that took."""
        if self._reference is None:
            return figures
        told = [(run, run.reference_s, run.reference_j) for run in runs if run.reference_s and run.reference_j]
        if not told or len(told) < len(runs):
            return beside_reference(figures, self._reference.figures)
        return beside_reference(
            figures,
            self._reference.figures,
            ratio=statistics.median(process_interval(run)[0] / reference_s for run, reference_s, _ in told),
            reference_energy_j=self.calibration * statistics.median(reference_j for _, _, reference_j in told),
        )

    def _learn(self, task: Task, runs: Sequence[ProcessRun]) -> None:
        """A dirty run tells of others, not of this model."""
        for run in runs:
            if not self._dirt(run, task.runtime):
                self._repeats.add(task.model, task.runtime, run)

    async def _repeat_a_neighbour(self, task: Task, runs: Sequence[ProcessRun], progress: Progress) -> None:
        """One more process of a model near this one in latency; a recording has none."""
        if self.reference is None or self.device.info.recorded:
            return
        neighbour = self._repeats.to_be_repeated(task.model, task.runtime, _middle_s(runs))
        if neighbour is None:
            return
        progress("a neighbour in latency", 0)
        again = Task(model=neighbour.onnx, images=self.images, runtime=neighbour.runtime)
        # What fails here is no fault of the candidate's; what is dirty waits for the next time.
        with contextlib.suppress(CandidateError, DeviceError):
            self._learn(again, [await self.device.run(again, progress)])

    def _spread(self, task: Task, runs: Sequence[ProcessRun]) -> Spread:
        if self._is_reference(task):
            return between(self.reference_runs)
        return self._repeats.spread(task.model, task.runtime, _middle_s(runs))

    async def _loads(self, task: Task, count: int, progress: Progress) -> tuple[Metered, ...]:
        """A minute of meter each; a meter that fails in the middle is asked again."""
        if self.meter is None:
            return ()
        meter = self.meter
        loads = []
        for _ in range(count):
            load = await self._patiently(
                lambda: _on_device(
                    lambda tell: metered(self.device, meter, load_task(task, meter.info), tell), progress
                ),
                MeterError,
            )
            self._taken.append(Taken(busy_cores(load.load), load.energy.mean_w, load.energy.idle_w))
            loads.append(load)
        return tuple(loads)

    def _is_reference(self, task: Task) -> bool:
        """Confirmed, it is its own reference."""
        return self.reference is not None and (task.model, task.runtime) == (
            self.reference.onnx,
            self.reference.runtime,
        )

    async def _run(self, task: Task, progress: Progress = _quiet) -> ProcessRun:
        """Again while it is dirty, then as it is. A recording has its repeats behind it."""
        run = await _on_device(lambda tell: self.device.run(task, tell), progress)
        for _ in range(0 if self.device.info.recorded else _REPEATS):
            if not self._dirt(run, task.runtime):
                break
            run = await _on_device(lambda tell: self.device.run(task, tell), progress)
        return self._beside(run, task)

    def _beside(self, run: ProcessRun, task: Task) -> ProcessRun:
        """With what the reference took last, on this board's own scale. A recording says what it took then."""
        if self.device.info.recorded:
            return run
        if self._reference is None or self._is_reference(task):
            return replace(run, reference_s=None, reference_j=None)
        reference = self._reference.figures
        return replace(
            run,
            reference_s=reference.latency_s / self.calibration,
            reference_j=reference.energy_j / self.calibration,
        )

    def _task(self, subject: Subject) -> Task:
        return Task(model=subject.onnx, images=self.images, runtime=subject.runtime)

    def _dirt(self, run: ProcessRun | LoadRun, runtime: RuntimeSettings) -> list[str]:
        return dirt(run, cores=self.device.info.cores, threads=runtime.threads)

    def _figures(
        self, runs: Sequence[ProcessRun], runtime: RuntimeSettings, spread: Spread, loads: Sequence[Metered] = ()
    ) -> Figures:
        figure = latency(runs, spread).scaled(self.calibration)
        info = self.device.info
        seen: list[ProcessRun | LoadRun] = [*runs, *(load.load for load in loads)]
        dirty = [reason for run in seen for reason in self._dirt(run, runtime)]
        energy = self._energy(figure, runs, loads)
        return Figures(
            latency_s=figure.figure_s,
            latency_low_s=figure.low_s,
            latency_high_s=figure.high_s,
            latency_mean_s=figure.mean_s,
            latency_provenance=Provenance(Kind.MEASURED, f"{info.model}, {info.runtime}"),
            energy_j=energy.total_j,
            energy_dynamic_j=energy.dynamic_j,
            energy_low_j=energy.low_j,
            energy_high_j=energy.high_j,
            energy_provenance=energy.provenance,
            mean_power_w=energy.mean_w,
            max_power_w=energy.max_w,
            idle_power_w=energy.idle_w,
            memory_bytes=max(run.memory_peak_bytes - run.memory_imports_bytes for run in runs),
            memory_anonymous_bytes=max((run.memory_anonymous_bytes or 0 for run in runs), default=None) or None,
            processes=figure.processes,
            inferences=figure.samples,
            framework=info.runtime,
            serial=info.serial,
            dirty=tuple(dict.fromkeys(dirty)),
            warnings=tuple(dict.fromkeys([*(warning for run in seen for warning in run.warnings), *energy.warnings])),
        )

    def _energy(self, figure: Latency, runs: Sequence[ProcessRun], loads: Sequence[Metered]) -> EnergyFigures:
        """Measured, of who is in the race; else predicted by what this bench takes; without a meter estimated."""
        if self.meter is not None and loads:
            return measured_energy([load.energy for load in loads], self.meter.info.provenance)
        if self.meter is not None and self._taken:
            return predicted_energy(figure, runs, self._taken)
        return estimated_energy(figure, runs, self.power)


def _middle_s(runs: Sequence[ProcessRun]) -> float:
    return statistics.median(process_interval(run)[0] for run in runs)


async def _on_device(task: Callable[[Progress], Awaitable[T]], progress: Progress) -> T:
    """A fault of the device, once it has begun to load the model, says so by its kind."""
    loading = False

    def watched(step: str, share: float) -> None:
        nonlocal loading
        loading = loading or step == LOADING
        progress(step, share)

    try:
        return await task(watched)
    except DeviceError as error:
        if loading:
            raise LoadedModelError(str(error)) from error
        raise
