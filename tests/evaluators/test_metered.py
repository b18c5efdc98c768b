"""The energy of a load on a real device with a meter beside it, which is known beforehand."""

import asyncio
import json
import math
import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from evaluators.device.cleanliness import dirt
from evaluators.device.device import (
    BoardState,
    CourseRun,
    CourseTask,
    CourseWindows,
    Device,
    LoadRun,
    LoadTask,
    Ping,
    Task,
    Window,
)
from evaluators.errors import MeterError
from evaluators.metered import Metered, load_task, metered, metered_course, windows_of, worked_out
from evaluators.power.energy import Energy
from evaluators.power.meter import MeterInfo
from evaluators.power.recording import Trace
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import WIDE, write_classifier, write_images
from tests.evaluators.device.pngs import bundled, coloured, write_pngs
from tests.evaluators.device.processes import children_of
from tests.evaluators.device.short import local
from tests.evaluators.power.loads import SLOW, Load, simulated
from tests.evaluators.power.meters import LiveMeter

IDLE_W, ACTIVE_W = 3.0, 5.0
PERIOD_S = 0.05
# Images of the course; a wide network takes a second for them.
COUNT = 300


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("metered")
    model, images = write_classifier(folder / "classifier.onnx"), write_images(folder / "images.npy", 16)
    return Task(model=model, images=images, runtime=RuntimeSettings(), limit_s=0.4)


@pytest.fixture
def load(task: Task) -> LoadTask:
    return replace(load_task(task, MeterInfo("meter", PERIOD_S)), idle_s=0.6, active_s=1.2)


@dataclass
class Bench:
    """A meter that sees 5 W while the device says that it works, and 3 W otherwise."""

    working: bool = False
    # When the device's word came that it works, and when the one that it does so no more.
    turned_s: list[float] = field(default_factory=list)
    meter: LiveMeter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = LiveMeter(self.watts, PERIOD_S)

    def watts(self, time_s: float) -> float:
        return ACTIVE_W if sum(turned_s <= time_s for turned_s in self.turned_s) % 2 else IDLE_W

    def watch(self, what: str, share: float) -> None:
        # A course's script that takes longer says now and then that it is being timed.
        working = what in ("working", "timing")
        if self.working != working:
            self.working = working
            self.turned_s.append(time.monotonic())

    def check(self, energy: Energy, windows: LoadRun | CourseWindows, inferences: int) -> None:
        """Only the readings of a window that were made before the device's word came may be of another load.

        A busy machine brings that word late. The device is this machine, so its clock is ours.
        """
        began_s, ended_s = self.turned_s
        per_inference_s = windows.active.length_s / inferences
        least_w = ACTIVE_W - (ACTIVE_W - IDLE_W) * late(began_s - windows.active.begin_s) / energy.readings
        assert 0.999 * least_w * per_inference_s < energy.total_j < 1.001 * ACTIVE_W * per_inference_s
        assert energy.max_w == ACTIVE_W
        most_w = ACTIVE_W if late(ended_s - windows.idle_after.begin_s) else IDLE_W
        assert IDLE_W <= energy.idle_w <= (IDLE_W + most_w) / 2


def late(word_s: float) -> int:
    """How many readings of a window are of the load before it; the first two of each are never counted."""
    return max(math.ceil(word_s / PERIOD_S) - 2, 0)


def measured(device: Device, load: LoadTask, bench: Bench) -> Metered:
    async def once() -> Metered:
        async with device as opened:
            return await metered(opened, bench.meter, load, bench.watch)

    return asyncio.run(once())


def test_the_energy_is_that_of_the_meter_at_work(device: Device, load: LoadTask) -> None:
    bench = Bench()
    result = measured(device, load, bench)
    bench.check(result.energy, result.load, result.load.inferences)
    per_inference_s = result.load.active.length_s / result.load.inferences
    assert result.energy.dynamic_j == pytest.approx(
        result.energy.total_j - result.energy.idle_w * per_inference_s, rel=0.01
    )


def test_the_energy_of_the_courses_script_is_the_whole_scripts(
    device: Device, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluators.metered.idle_s", lambda meter: 0.6)
    pixels, bench = coloured(COUNT), Bench()
    images = bundled(write_pngs(tmp_path / "pngs", pixels, np.zeros(COUNT, np.int64)), tmp_path / "images.zip")
    model = write_classifier(tmp_path / "wide.onnx", channels=WIDE)
    course = CourseTask(model=model, images=images, count=COUNT, runtime=task.runtime)

    async def once() -> tuple[CourseRun, Energy]:
        async with device as opened:
            return await metered_course(opened, bench.meter, course, bench.watch)

    run, energy = asyncio.run(once())
    assert run.windows is not None
    # Python's start and the imports are in it.
    assert run.windows.active.length_s == pytest.approx(run.wall_s)
    assert run.loop_wall_s < run.wall_s
    bench.check(energy, run.windows, COUNT)


def test_what_was_kept_gives_the_same_figure_again(load: LoadTask) -> None:
    result = measured(local(), load, Bench())
    again = Metered.from_text(result.to_text())
    assert again.load == result.load
    assert again.energy.total_j == pytest.approx(result.energy.total_j, rel=1e-6)
    assert again.energy.total_high_j == pytest.approx(result.energy.total_high_j, rel=1e-6)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_meter_that_fails_at_work_ends_the_load_on_the_device(load: LoadTask) -> None:
    bench, before = Bench(), children_of(os.getpid())

    def unplugged(_: float) -> float:
        if bench.working:
            raise MeterError("bench meter: unplugged")
        return IDLE_W

    bench.meter.watts = unplugged
    with pytest.raises(MeterError, match="unplugged"):
        measured(local(), replace(load, active_s=600), bench)
    assert children_of(os.getpid()) == before


def test_a_load_is_as_long_as_the_meter_needs(task: Task) -> None:
    task_of_load = load_task(task, SLOW.info)
    assert (task_of_load.active_s, task_of_load.idle_s) == (60, 30)
    assert (task_of_load.model, task_of_load.images, task_of_load.runtime) == (task.model, task.images, task.runtime)


# --- the board's clock -----------------------------------------------------------------------------------------------


def told_by_a_board(ahead_s: float, drift: float, jump_s: float = 0.0) -> tuple[LoadRun, Trace, float]:
    """A simulated load as a board tells of it whose clock is not ours; and its true joules per inference."""
    simulation = simulated(Load(idle_w=0.5), SLOW, active_s=60, idle_s=30)

    def board(ours_s: float) -> float:
        jumped_s = jump_s if ours_s > simulation.windows.active.end.time_s else 0.0
        return (ours_s - 990) * (1 + drift) + 990 + ahead_s + jumped_s

    def window(name: str) -> Window:
        span = getattr(simulation.windows, name)
        return Window(board(span.begin.time_s), board(span.end.time_s))

    begins = (simulation.windows.idle_before.begin.time_s - 0.4, simulation.windows.active.end.time_s + 0.05)
    pings = [
        Ping(at_s, board(at_s + 0.001), at_s + 0.006)
        for begin_s in begins
        for at_s in (begin_s, begin_s + 0.1, begin_s + 0.2)
    ]
    load = LoadRun(
        idle_before=window("idle_before"),
        active=window("active"),
        idle_after=window("idle_after"),
        inferences=simulation.inferences,
        cpu_s=59.0,
        pings=tuple(pings),
        before=BoardState(),
        after=BoardState(),
    )
    return load, simulation.trace, simulation.true_j


@pytest.mark.parametrize(("ahead_s", "drift"), [(0.0, 0.0), (3.0, 80e-6), (-3.0, -80e-6), (-985.0, 300e-6)])
def test_whatever_the_boards_clock_says_the_energy_is_right(ahead_s: float, drift: float) -> None:
    load, trace, true_j = told_by_a_board(ahead_s, drift)
    result = worked_out(load, trace).energy
    assert result.total_j == pytest.approx(true_j, rel=0.01)
    assert result.total_low_j <= true_j <= result.total_high_j


def test_the_windows_are_told_on_our_clock() -> None:
    load, _, _ = told_by_a_board(3.0, 80e-6)
    assert windows_of(load).active.length_s == pytest.approx(60, abs=1e-4)
    assert windows_of(load).active.begin.time_s == pytest.approx(1031.0, abs=0.003)


def test_a_board_whose_clock_was_set_during_the_load_is_a_fault() -> None:
    load, trace, _ = told_by_a_board(3.0, 0.0, jump_s=0.5)
    with pytest.raises(MeterError, match=r"clock was 0\.5\d\d s fast"):
        worked_out(load, trace)


def test_what_is_kept_is_text_of_a_few_kilobytes() -> None:
    load, trace, _ = told_by_a_board(3.0, 0.0)
    text = worked_out(load, trace).to_text()
    assert len(text) < 10_000
    assert json.loads(text)["load"]["inferences"] == load.inferences


def test_a_load_on_a_board_that_throttled_is_dirty() -> None:
    load, _, _ = told_by_a_board(0.0, 0.0)
    assert dirt(replace(load, after=BoardState(throttled=0x4)), cores=4, threads=1) == ["throttled"]
