"""Examiner: candidate's file -> Measured on one device, the reference timed between candidates, faults sorted."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluators.bench import Bench
from evaluators.course_figures import CourseFigures, course_figures, estimated_script, measured_script
from evaluators.device.device import CourseTask, Device, LooksAtSeveral, ProcessRun, Progress, Task
from evaluators.errors import LoadedModelError, MeterError, RigError
from evaluators.latency import Spread, process_interval
from evaluators.measured import Measured, Subject
from evaluators.measurement import Figures
from evaluators.measuring import PROCESSES, Measuring, quiet
from evaluators.metered import Metered, metered_course
from evaluators.power.estimate import PowerModel, power_model_of
from evaluators.power.meter import PowerMeter
from evaluators.power.recording import heard
from evaluators.race import NO_RACE, Race
from evaluators.reference import Reference
from evaluators.retries import CANDIDATE_FAILURES, PAUSES_S, Retries, on_device
from space.errors import CandidateError

# A file measured without a reference has no neighbours, which would tell how much processes differ: with nine degrees
# of freedom its own do, to 1 / sqrt(2 x 9) = 24 %.
_PROCESSES_ALONE = 10


class Examiner:
    """Owns a device while it is entered. Everything runs in one event loop, one task at a time."""

    def __init__(
        self, device: Device, images: Path, meter: PowerMeter | None = None, *, pauses: Sequence[float] = PAUSES_S
    ) -> None:
        """Without a meter energy is estimated. A fault of the rig is tried again after the pauses, in seconds."""
        self.measuring = Measuring(device, images, meter, Retries(pauses))
        self._retries = self.measuring.retries
        self.reference: Reference | None = None
        # What it took to enter the device, which starts its program once.
        self.opened_s = 0.0

    @property
    def device(self) -> Device:
        return self.measuring.device

    @property
    def images(self) -> Path:
        return self.measuring.images

    @property
    def meter(self) -> PowerMeter | None:
        return self.measuring.meter

    @property
    def power(self) -> PowerModel:
        return self.measuring.power

    @property
    def bench(self) -> Bench:
        return self.measuring.bench

    @property
    def reference_figures(self) -> Figures | None:
        """The reference as it was timed last."""
        return self.reference.figures if self.reference else None

    def use_reference(self, subject: Subject, earlier: Sequence[ProcessRun] = ()) -> None:
        """From now on the reference is this one; `earlier` timings of it tell how much processes differ."""
        self.reference = Reference(subject, earlier, self.measuring)

    def calibrate(self, factor: float) -> None:
        """Latencies of this board times `factor` are those of the study's boards."""
        if factor != self.measuring.calibration:
            self.measuring.calibration = factor
            if self.reference is not None:
                self.reference.recalibrate()

    async def open(self) -> None:
        """What fails is tried once more, for a connection that drops; a person waits to hear what is wrong."""
        begun = time.monotonic()
        await self._retries.once.of(self.device.__aenter__)
        self.opened_s = time.monotonic() - begun
        self.measuring.power = power_model_of(self.device.info.model)
        if self.meter is not None:
            meter = self.meter
            try:
                await self._retries.once.of(lambda: heard(meter), MeterError)
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        await self.device.__aexit__(None, None, None)

    async def measure_reference(self, progress: Progress = quiet, *, afresh: bool = False) -> Measured:
        """The reference, timed again unless the last timing is recent; a fault is tried again, as it can only be the
        rig's.

        `afresh`: its files are sent again too, as a candidate's are.
        """
        assert self.reference is not None
        reference = self.reference
        return await self._retries.of(lambda: reference.time(progress, afresh))

    # --- search mode

    async def measure(
        self,
        subject: Subject,
        race: Race = NO_RACE,
        progress: Progress = quiet,
        earlier: Sequence[ProcessRun] = (),
    ) -> Measured:
        """One process, three for a candidate whose figures come near the lead; `earlier` ones count.

        A fault before the model is loaded (the connection, a full disk) is the rig's. Whose one is that comes later,
        the reference tells, sent and measured in between.
        """
        limit_s = race.hopeless_above_s
        hopeless_s = None if limit_s is None else limit_s / self.measuring.calibration
        task = replace(self.measuring.task(subject), hopeless_above_s=hopeless_s)
        if self.reference is None:
            alone = PROCESSES if self.device.info.recorded else _PROCESSES_ALONE
            return await self._retries.of(lambda: self._measure(task, race, progress, earlier, alone))
        failures: list[str] = []
        for pause_s in (*self._retries.pauses_s, *[0.0] * CANDIDATE_FAILURES)[:CANDIDATE_FAILURES]:
            await self.measure_reference(progress, afresh=bool(failures))
            measured = await self._retries.of(lambda: self._measured_or_failed(task, race, progress, earlier))
            if isinstance(measured, Measured):
                return measured
            failures.append(str(measured))
            self.reference.outdate()
            await asyncio.sleep(pause_s)
        await self.measure_reference(progress, afresh=True)
        raise CandidateError(f"the device failed on it {len(failures)} times, on the reference never: {failures[-1]}")

    async def look(self, subjects: Sequence[Subject], progress: Progress = quiet) -> tuple[float | None, ...]:
        """The latency of each over the reference's, timed for a moment, as it comes: of many, whose errors cancel out.
        None for one that the device fails on, or does not hold."""
        tasks = [self.measuring.task(subject) for subject in subjects]
        if not isinstance(self.device, LooksAtSeveral):
            return tuple([await self._alone(task, progress) for task in tasks])
        assert self.reference is not None
        device, reference = self.device, self.measuring.task(self.reference.subject)
        beside = [reference, *tasks, reference]
        latencies = await self._retries.of(lambda: on_device(lambda tell: device.look(beside, tell), progress))
        own = [latency for latency in (latencies[0], latencies[-1]) if latency is not None]
        if not own:
            return (None,) * len(subjects)
        # Others make it slower, and never faster.
        reference_s = min(own)
        return tuple(None if latency is None else latency / reference_s for latency in latencies[1:-1])

    async def _alone(self, task: Task, progress: Progress) -> float | None:
        """The latency in a process of its own, over what the reference took beside it."""
        try:
            run = await self._run(task, progress)
        except CandidateError:
            return None
        reference_s = run.reference_s or (self.reference_figures.latency_s if self.reference_figures else None)
        return process_interval(run)[0] / reference_s if reference_s else None

    async def _measured_or_failed(
        self, task: Task, race: Race, progress: Progress, earlier: Sequence[ProcessRun]
    ) -> Measured | LoadedModelError:
        """The fault is handed back where it may be the model's: it is not to be tried again as one of the rig's."""
        try:
            return await self._measure(task, race, progress, earlier, PROCESSES)
        except LoadedModelError as error:
            return error

    async def _measure(
        self, task: Task, race: Race, progress: Progress, earlier: Sequence[ProcessRun], processes: int
    ) -> Measured:
        measuring, reference = self.measuring, self.reference
        known = [run for run in earlier if not measuring.dirt(run, task.runtime)]
        runs = known or [await self._run(task, progress)]
        if reference is not None:
            await measuring.repeat_a_neighbour(task, runs, progress)
        figures = measuring.figures(runs, task.runtime, self._spread(task, runs))
        loads: tuple[Metered, ...] = ()
        if race.near(figures):
            while len(runs) < max(processes, race.repeats):
                runs.append(await self._run(task, progress))
            loads = await measuring.loads(task, race.repeats, progress)
            figures = measuring.figures(runs, task.runtime, self._spread(task, runs), loads)
        measuring.learn(task, runs[len(known) :])
        if reference is not None and not reference.is_reference(task):
            figures = reference.under(figures, runs)
        return Measured(figures, tuple(runs), loads)

    # --- confirm mode

    async def confirm(
        self,
        subject: Subject,
        images: Path,
        progress: Progress = quiet,
        earlier: Measured | None = None,
    ) -> Measured:
        """Every image, in three processes, or in one more than `earlier` had; before and after each of them runs a
        process of the reference, so that each latency has a neighbour of its own minute."""
        assert self.reference is not None
        reference, measuring = self.reference, self.measuring
        task = replace(measuring.task(subject), images=images, passes=1)
        is_reference, count = reference.is_reference(task), 1 if earlier else PROCESSES
        runs, pairs = (list(earlier.runs), list(earlier.figures.pairs)) if earlier else ([], [])
        dirty = list(earlier.figures.dirty) if earlier else []
        for _ in range(count):
            before = None if is_reference else await reference.neighbour(progress)
            run = await self._retries.of(lambda: self._run(task, progress))
            runs.append(run)
            measuring.learn(task, [run])
            if before is not None:
                after = await reference.neighbour(progress, recent=False)
                pairs.append(process_interval(run)[0] / statistics.fmean((before.figure_s, after.figure_s)))
                dirty += [f"the reference beside it: {reason}" for reason in (*before.dirty, *after.dirty)]
        fresh = await self._retries.of(lambda: measuring.loads(task, count, progress))
        loads = (*(earlier.loads if earlier else ()), *fresh)
        spread = self._spread(task, runs)
        figures = measuring.figures(runs, task.runtime, spread, loads)
        if is_reference:
            reference.confirmed(figures)
        else:
            figures = reference.under_pairs(figures, pairs, dirty, spread)
        return Measured(figures, tuple(runs), loads)

    async def predictions(self, subject: Subject, images: Path, progress: Progress = quiet) -> tuple[int, ...]:
        """The subject's answers to these images."""
        task = replace(self.measuring.task(subject), images=images, passes=1)
        run = await self._retries.of(lambda: self.device.run(task, progress))
        return run.predictions

    async def _run(self, task: Task, progress: Progress) -> ProcessRun:
        run = await self.measuring.run(task, progress)
        return self.reference.noted(run, task) if self.reference else self._unnoted(run)

    def _unnoted(self, run: ProcessRun) -> ProcessRun:
        return run if self.device.info.recorded else replace(run, reference_s=None, reference_j=None)

    def _spread(self, task: Task, runs: Sequence[ProcessRun]) -> Spread:
        if self.reference is not None and self.reference.is_reference(task):
            return self.reference.spread
        return self.measuring.spread(task, runs)

    # --- the course's protocol

    async def check_course(self) -> None:
        self.device.check_course()

    async def course(self, subject: Subject, images: Path, count: int, progress: Progress = quiet) -> CourseFigures:
        """The course's protocol over a bundle of `count` images; a fault costs a second try: it takes minutes each."""
        task = CourseTask(
            model=subject.file,
            images=images,
            count=count,
            runtime=subject.runtime,
            mean=subject.mean,
            std=subject.std,
        )
        return await self._retries.once.of(lambda: self._course(task, progress), RigError)

    async def _course(self, task: CourseTask, progress: Progress) -> CourseFigures:
        info, runtime = self.device.info, task.runtime
        if self.meter is None:
            run = await self.device.course(task, progress)
            return course_figures(run, estimated_script(run, self.power), info=info, runtime=runtime)
        run, energy = await metered_course(self.device, self.meter, task, progress)
        return course_figures(run, measured_script(energy, self.meter.info.provenance), info=info, runtime=runtime)
