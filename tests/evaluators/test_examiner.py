"""Examiner with a meter: who is in the race is measured, the others are predicted; the real device, short windows."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from evaluators.course_figures import CourseFigures
from evaluators.device.device import ProcessRun, Progress, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.errors import MeterError
from evaluators.examiner import Examiner
from evaluators.measured import Measured, Subject
from evaluators.metered import Metered
from evaluators.power.meter import PowerReading
from evaluators.race import FRONT, NO_RACE, Race
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import WIDE, write_classifier, write_images
from tests.evaluators.device.pngs import bundled, coloured, write_pngs
from tests.evaluators.device.runs import process_run
from tests.evaluators.device.short import LIMIT_S, program
from tests.evaluators.power.meters import LiveMeter

WATTS, PERIOD_S = 4.0, 0.05


class Faltering(LiveMeter):
    """Breaks off in the middle, the first times."""

    faults = 0

    async def readings(self) -> AsyncGenerator[PowerReading, None]:
        self.stops_after = 20 if self.faults > 0 else None
        self.faults -= 1
        async for reading in super().readings():
            yield reading


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject("candidate", write_classifier(tmp_path / "model.onnx"), RuntimeSettings())


@pytest.fixture
def examiner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examiner:
    """An examiner with windows of a second, and a board whose /proc tells of nobody else, as other tests run beside."""
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path / "calm"))
    monkeypatch.setattr("evaluators.measuring.Task", partial(Task, limit_s=LIMIT_S))
    monkeypatch.setattr("evaluators.metered.window_s", lambda meter, precision: 1.2)
    monkeypatch.setattr("evaluators.metered.idle_s", lambda meter, precision=0.01: 0.6)
    reference = Subject("reference", write_classifier(tmp_path / "reference.onnx", channels=64), RuntimeSettings())
    device, images = (
        LocalDevice(lock=str(tmp_path / "lock"), program=program()),
        write_images(tmp_path / "images.npy", 16),
    )
    examiner = Examiner(device, images, Faltering(lambda _: WATTS, PERIOD_S), pauses=(0.0, 0.0, 0.0))
    # The reference was timed before: once is enough.
    examiner.use_reference(reference, [process_run()] * 3)
    return examiner


def measured(examiner: Examiner, subject: Subject, race: Race) -> Measured:
    async def once() -> Measured:
        await examiner.open()
        try:
            return await examiner.measure(subject, race)
        finally:
            await examiner.close()

    return asyncio.run(once())


def test_the_energy_of_who_is_in_the_race_is_measured(examiner: Examiner, subject: Subject) -> None:
    result = measured(examiner, subject, FRONT)
    assert str(result.figures.energy_provenance) == "measured (bench meter, board)"
    (load,) = result.loads
    per_inference_s = load.load.active.length_s / load.load.inferences
    assert result.figures.energy_j == pytest.approx(WATTS * per_inference_s, rel=0.01)
    assert result.figures.idle_power_w == pytest.approx(WATTS, rel=0.01)
    assert Metered.from_text(result.traces[0]).energy.total_j == pytest.approx(result.figures.energy_j, rel=1e-6)


@pytest.mark.whole
def test_an_energy_is_measured_as_often_as_is_asked_for(examiner: Examiner, subject: Subject) -> None:
    """Energy is measured more often here than a race times its processes."""
    result = measured(examiner, subject, replace(FRONT, repeats=4))
    assert len(result.loads) == len(result.runs) == 4
    energies = [load.energy.total_j for load in result.loads]
    assert result.figures.energy_j == pytest.approx(fmean(energies))
    assert result.figures.energy_low_j < min(energies) < max(energies) < result.figures.energy_high_j
    assert result.figures.energy_integrated_j == pytest.approx(fmean(energies), rel=0.01)


def test_the_energy_of_who_is_not_is_predicted_from_the_references(examiner: Examiner, subject: Subject) -> None:
    figures = measured(examiner, subject, NO_RACE).figures
    assert str(figures.energy_provenance) == "predicted (latency x 4.00 W, measured on this bench)"
    assert figures.energy_j == pytest.approx(WATTS * figures.latency_s)
    assert figures.reference_energy_j is not None


@pytest.mark.whole
def test_a_meter_that_stops_in_the_middle_is_asked_again(examiner: Examiner, subject: Subject) -> None:
    examiner.meter.faults = 2  # type: ignore[union-attr]
    assert measured(examiner, subject, NO_RACE).figures.energy_provenance.source.startswith("latency x 4.00 W")


def test_a_meter_that_always_stops_is_the_rigs_fault(examiner: Examiner, subject: Subject) -> None:
    examiner.meter.faults = 100  # type: ignore[union-attr]
    with pytest.raises(MeterError, match="stopped after 20 readings"):
        measured(examiner, subject, FRONT)


class Counted(LocalDevice):
    """Remembers what it was asked to time."""

    def __init__(self, lock: Path) -> None:
        super().__init__(lock=str(lock), program=program())
        self.timed: list[str] = []

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        self.timed.append(task.model.stem)
        return await super().run(task, progress)


def test_beside_each_measurement_a_neighbour_is_timed_again_and_teaches(
    examiner: Examiner, subject: Subject, tmp_path: Path
) -> None:
    device = Counted(tmp_path / "lock")
    examiner.measuring.device, examiner.measuring.meter = device, None
    neighbour = Subject("other", write_classifier(tmp_path / "other.onnx", channels=12), RuntimeSettings())

    async def both() -> tuple[Measured, Measured]:
        await examiner.open()
        try:
            return await examiner.measure(subject, NO_RACE), await examiner.measure(neighbour, NO_RACE)
        finally:
            await examiner.close()

    first, second = asyncio.run(both())
    # The reference, three times timed before, and beside the first there is nobody else.
    assert device.timed[:3] == ["reference", "model", "reference"]
    # Two are known by now, and the one with fewer processes is timed.
    assert device.timed[-2:] == ["other", "model"]
    assert (first.figures.processes, second.figures.processes) == (1, 1)


class Disturbed(LocalDevice):
    """Takes long of the reference at the end of a look, as where others begin to use its memory."""

    async def look(self, tasks: Sequence[Task], progress: Progress | None = None) -> tuple[float | None, ...]:
        return (3e-3, *[1e-3] * (len(tasks) - 2), 12e-3)


def test_a_look_is_taken_over_the_reference_where_it_was_disturbed_less(
    examiner: Examiner, subject: Subject, tmp_path: Path
) -> None:
    examiner.measuring.device = Disturbed(lock=str(tmp_path / "lock"), program=program())
    assert asyncio.run(examiner.look([subject])) == (pytest.approx(1 / 3),)


class Busy(LocalDevice):
    """Others want its cores, or not."""

    others_cores = 0.0

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        run = await super().run(task, progress)
        return replace(run, after=replace(run.after, others_cores=self.others_cores))


@pytest.mark.whole
def test_no_energy_is_taken_over_a_confirmation_of_the_reference_that_was_disturbed(
    examiner: Examiner, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others drew meanwhile was a gain of every candidate, confirmed and clean."""
    monkeypatch.setattr("evaluators.examiner.PROCESSES", 1)
    watts = {"now": WATTS}
    device = Busy(lock=str(tmp_path / "lock"), program=program())
    examiner.measuring.device, examiner.measuring.meter = device, LiveMeter(lambda _: watts["now"], PERIOD_S)

    async def confirmed() -> Measured:
        await examiner.open()
        try:
            await examiner.measure_reference()
            assert examiner.reference
            reference = examiner.reference.subject
            device.others_cores, watts["now"] = 1.9, 2 * WATTS
            await examiner.confirm(reference, examiner.images)
            device.others_cores, watts["now"] = 0.0, WATTS
            return await examiner.confirm(subject, examiner.images)
        finally:
            await examiner.close()

    figures = asyncio.run(confirmed()).figures
    assert not figures.dirty
    assert examiner.reference_figures
    assert figures.reference_energy_j == examiner.reference_figures.energy_j


COUNT = 300


def course(examiner: Examiner, subject: Subject, folder: Path) -> CourseFigures:
    images = bundled(write_pngs(folder / "pngs", coloured(COUNT), np.zeros(COUNT, np.int64)), folder / "images.zip")

    async def once() -> CourseFigures:
        await examiner.open()
        try:
            return await examiner.course(subject, images, COUNT)
        finally:
            await examiner.close()

    return asyncio.run(once())


def test_with_a_meter_the_energy_of_the_courses_script_is_measured(
    examiner: Examiner, subject: Subject, tmp_path: Path
) -> None:
    number = itertools.count()
    # The script of a network as wide as this works for many more readings than are needed.
    wide = replace(subject, file=write_classifier(tmp_path / "wide.onnx", channels=WIDE))
    examiner.measuring.meter = LiveMeter(lambda _: WATTS + 0.01 * (next(number) % 2), 0.02)
    figures = course(examiner, wide, tmp_path)
    energy = figures.energy
    assert str(energy.provenance) == "measured (bench meter, board, course protocol: whole script)"
    assert energy.total_j == pytest.approx(WATTS * figures.script_s / COUNT, rel=0.01)
    assert energy.interval_j is not None
    assert energy.interval_j[0] < energy.total_j < energy.interval_j[1]
    assert energy.idle_w == pytest.approx(WATTS, rel=0.01)


def test_a_meter_too_slow_for_a_short_script_is_an_error_and_no_figure(
    examiner: Examiner, subject: Subject, tmp_path: Path
) -> None:
    # The meter stalls after a few readings, however long the script takes.
    examiner.measuring.meter = LiveMeter(lambda _: WATTS, 0.02, stalls_after=6)
    with pytest.raises(MeterError, match=r"readings lie wholly inside the .* window"):
        course(examiner, subject, tmp_path)


def test_the_meter_is_part_of_the_bench(examiner: Examiner) -> None:
    async def benches() -> set[str]:
        await examiner.open()
        with_meter = examiner.bench.id
        examiner.measuring.meter = None
        without = examiner.bench.id
        await examiner.close()
        return {with_meter, without}

    assert len(asyncio.run(benches())) == 2
