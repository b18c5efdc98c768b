"""The course's protocol with the real program: on this machine, and on a board over ssh."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from evaluators.accuracy import accuracy
from evaluators.device.device import CourseRun, CourseTask, Device, Guard, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import course_request
from evaluators.device.program.lock import opened_lock
from evaluators.errors import DeviceError
from evaluators.runtimes.onnx_runtime.host import predictions
from evaluators.runtimes.settings import RuntimeSettings
from space.data.images import Images, ImageShape
from space.errors import CandidateError
from tests.evaluators.device.asked import Asked
from tests.evaluators.device.models import write_classifier, write_failing
from tests.evaluators.device.pngs import bundled, coloured, python_without_pillow, write_pngs
from tests.evaluators.device.processes import GONE_S, children_of, ends_within, measuring
from tests.evaluators.device.short import local
from tests.evaluators.device.sshd import Board

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

COUNT = 48


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Images of which two thirds of the labels are what the model will say."""
    model = write_classifier(tmp_path_factory.mktemp("model") / "classifier.onnx")
    pixels = coloured(COUNT)
    labels = predictions(model, pixels)
    labels[::3] = (labels[::3] + 1) % 10
    return Images(pixels, labels)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory, images: Images) -> CourseTask:
    folder = tmp_path_factory.mktemp("course")
    return CourseTask(
        model=write_classifier(folder / "classifier.onnx"),
        images=bundled(write_pngs(folder / "pngs", images.pixels, images.labels), folder / "images.zip"),
        count=COUNT,
        runtime=RuntimeSettings(),
    )


@pytest.fixture
def endless(task: CourseTask, tmp_path: Path) -> CourseTask:
    """A course that takes longer than a test waits."""
    pixels = coloured(2000)
    folder = write_pngs(tmp_path / "many", pixels, np.zeros(len(pixels), np.int64))
    model = write_classifier(tmp_path / "wide.onnx", channels=40_000)
    return replace(task, model=model, images=bundled(folder, tmp_path / "many.zip"), count=len(pixels))


def ask(device: Device, task: CourseTask) -> CourseRun:
    async def once() -> CourseRun:
        async with device as opened:
            return await opened.course(task)

    return asyncio.run(once())


def test_accuracy_is_that_of_the_file_on_the_same_images(device: Device, task: CourseTask, images: Images) -> None:
    run = ask(device, task)
    assert run.correct == accuracy(task.model, images).correct
    assert 0 < run.correct < COUNT


def test_every_image_is_timed_once(device: Device, task: CourseTask) -> None:
    assert len(ask(device, task).latencies_s) == COUNT


def test_the_whole_script_contains_its_loop_and_the_loop_its_runs(device: Device, task: CourseTask) -> None:
    run = ask(device, task)
    assert sum(run.latencies_s) < run.loop_wall_s < run.wall_s
    assert 0 < run.loop_cpu_s < run.cpu_s


def test_a_float_model_gets_normalised_images(task: CourseTask, images: Images, tmp_path: Path) -> None:
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)
    model = write_classifier(tmp_path / "float.onnx", kind=TensorProto.FLOAT, shape=(1, 3, 32, 32))
    np.save(tmp_path / "images.npy", images.pixels)
    steady = Task(model=model, images=tmp_path / "images.npy", runtime=RuntimeSettings(), passes=1, mean=mean, std=std)
    classes = asyncio.run(local().run(steady)).predictions
    run = ask(local(), replace(task, model=model, mean=mean, std=std))
    assert run.correct == sum(
        int(prediction == label) for prediction, label in zip(classes, images.labels, strict=True)
    )
    assert 0 < run.correct < COUNT


def test_a_float_model_of_which_nobody_says_how_it_was_trained_is_refused(task: CourseTask, tmp_path: Path) -> None:
    model = write_classifier(tmp_path / "float.onnx", kind=TensorProto.FLOAT, shape=(1, 3, 32, 32))
    with pytest.raises(CandidateError, match="nothing says how the raw images are to be normalised"):
        ask(LocalDevice(lock=""), replace(task, model=model))


def test_grey_images_of_another_size_and_more_classes_than_ten(tmp_path: Path) -> None:
    model = write_classifier(tmp_path / "grey.onnx", shape=("batch", 1, 28, 28), classes=12, seed=1)
    pixels = coloured(COUNT)[:, :1, :28, :28]
    labels = predictions(model, pixels)
    assert set(labels.tolist()) == {6, 10}
    labels[::3] = (labels[::3] + 1) % 12
    folder = write_pngs(tmp_path / "pngs", pixels, labels)
    bundle = bundled(folder, tmp_path / "images.zip", ImageShape(1, 28), 12)
    run = ask(LocalDevice(lock=""), CourseTask(model=model, images=bundle, count=COUNT, runtime=RuntimeSettings()))
    assert run.correct == accuracy(model, Images(pixels, labels)).correct == COUNT - len(labels[::3])


def test_the_time_of_the_processor_is_that_of_the_script(task: CourseTask) -> None:
    def ours() -> float:
        used = os.times()
        return used.children_user + used.children_system

    async def asked() -> tuple[CourseRun, float]:
        async with local() as opened:
            before = ours()
            return await opened.course(task), ours() - before

    run, spent = asyncio.run(asked())
    # The rest is the process beside it, which imports next to nothing.
    assert 0.4 * spent < run.cpu_s <= spent + 0.02


def test_threads_are_those_asked_for(endless: CourseTask) -> None:
    counted: list[int] = []

    def count(what: str, share: float) -> None:
        if what == "timing":
            (pid,) = scripts()
            counted.append(len(list(Path(f"/proc/{pid}/task").iterdir())))
            raise Seen

    async def seen(threads: int) -> None:
        async with local() as opened:
            with pytest.raises(Seen):
                await opened.course(replace(endless, runtime=RuntimeSettings(threads=threads)), count)

    asyncio.run(seen(1))
    asyncio.run(seen(3))
    assert counted[1] - counted[0] == 2


class Seen(Exception):
    """Enough was seen of a run."""


def scripts() -> list[int]:
    return [script for pid in measuring() for script in children_of(pid)]


async def cancelled_while_timing(device: Device, task: CourseTask, look: Callable[[], list[int]]) -> list[int]:
    """What could be seen before the course was cancelled."""
    timing = asyncio.Event()

    def tell(what: str, share: float) -> None:
        if what == "timing":
            timing.set()

    async with device as opened:
        run = asyncio.create_task(opened.course(task, tell))
        await timing.wait()
        pids = look()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    return pids


def test_cancelling_leaves_no_script(endless: CourseTask) -> None:
    (script,) = asyncio.run(cancelled_while_timing(local(), endless, scripts))
    assert ends_within(script, GONE_S)


def test_cancelling_leaves_nothing_on_the_board(board: Board, endless: CourseTask) -> None:
    measuring_and_script = 2
    assert len(asyncio.run(cancelled_while_timing(board.device(), endless, board.processes))) >= measuring_and_script
    assert board.is_empty_within(GONE_S)


def test_the_script_ends_with_who_started_it(endless: CourseTask) -> None:
    running: list[int] = []

    def kill(what: str, share: float) -> None:
        if what == "timing":
            running.extend(scripts())
            for pid in measuring():
                os.kill(pid, signal.SIGKILL)

    async def killed() -> None:
        async with local() as opened:
            with pytest.raises(DeviceError, match="SIGKILL"):
                await opened.course(endless, kill)

    asyncio.run(killed())
    (script,) = running
    assert ends_within(script, GONE_S)


def test_a_script_that_is_killed_is_told(endless: CourseTask) -> None:
    def kill(what: str, share: float) -> None:
        if what == "timing":
            for pid in scripts():
                os.kill(pid, signal.SIGKILL)

    async def killed() -> None:
        async with local() as opened:
            with pytest.raises(DeviceError, match="script ended with status -9"):
                await opened.course(endless, kill)

    asyncio.run(killed())


def test_the_images_are_sent_once_and_not_left_unpacked(board: Board, task: CourseTask) -> None:
    steps: list[str] = []

    async def twice() -> None:
        for _ in range(2):
            async with board.device() as opened:
                await opened.course(task, lambda what, share: steps.append(what))

    asyncio.run(twice())
    assert steps.count("sending images.zip") == 1
    assert {file.suffix for file in board.files} == {".onnx", ".zip"}
    assert all(file.is_file() for file in board.files)


def test_what_an_interrupted_run_left_unpacked_is_not_counted(task: CourseTask, images: Images, tmp_path: Path) -> None:
    bundle = tmp_path / "images.zip"
    bundle.write_bytes(task.images.read_bytes())
    write_pngs(tmp_path / "course-images", coloured(COUNT + 5), np.zeros(COUNT + 5, np.int64))
    run = ask(local(), replace(task, images=bundle))
    assert run.correct == accuracy(task.model, images).correct


def test_images_that_could_not_all_be_unpacked_are_not_left(task: CourseTask, tmp_path: Path) -> None:
    bundle = tmp_path / "images.zip"
    content = bytearray(task.images.read_bytes())
    # A bit within the last image is turned: its checksum tells.
    content[content.index(b"PK\1\2") - 30] ^= 1
    bundle.write_bytes(content)
    with pytest.raises(DeviceError, match=r"cannot be unpacked: Bad CRC-32 for file '47_"):
        ask(local(), replace(task, images=bundle))
    assert list(tmp_path.iterdir()) == [bundle]


@pytest.mark.parametrize("name", ["../9_1.png", "/tmp/9_1.png", "sub/9_1.png", "9_cat.png", "9_1.png.py", "9_1.png\n"])
def test_an_archive_with_any_other_name_is_refused(task: CourseTask, tmp_path: Path, name: str) -> None:
    board = tmp_path / "board"
    board.mkdir()
    bundle = board / "images.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("1_1.png", b"fine")
        archive.writestr(name, b"not fine")
    with pytest.raises(DeviceError, match="no image of ours"):
        ask(local(), replace(task, images=bundle, count=2))
    assert sorted(tmp_path.rglob("*")) == [board, bundle]


def test_a_board_refuses_a_path_in_the_archive(board: Board, task: CourseTask, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("../../9_1.png", b"not fine")
    with pytest.raises(DeviceError, match="no image of ours"):
        ask(board.device(), replace(task, images=tmp_path / "images.zip", count=1))
    assert not list(board.home.rglob("9_1.png"))


def test_an_image_that_does_not_decode_is_named(task: CourseTask, images: Images, tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "pngs", images.pixels[:3], images.labels[:3])
    damaged = folder / f"1_{images.labels[1]}.png"
    content = bytearray(damaged.read_bytes())
    content[60:200] = bytes(140)
    damaged.write_bytes(content)
    with pytest.raises(DeviceError, match=rf"image {damaged.name} cannot be read"):
        ask(local(), replace(task, images=bundled(folder, tmp_path / "images.zip"), count=3))


def test_a_model_that_fails_while_running_is_the_candidates_fault(task: CourseTask, tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match="cannot run it"):
        ask(local(), replace(task, model=write_failing(tmp_path / "failing.onnx")))


def test_it_waits_for_who_measures(task: CourseTask, tmp_path: Path) -> None:
    lock = str(tmp_path / "board.lock")
    request = course_request(task, model=str(task.model), images=str(task.images), guard=Guard(lock=lock))
    descriptor = opened_lock(lock)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with Asked(request) as waiter:
            assert waiter.next()["what"].startswith("waiting for the board")
    finally:
        os.close(descriptor)


def test_without_pillow_here_the_next_step_is_told(task: CourseTask, tmp_path: Path) -> None:
    python = python_without_pillow(tmp_path / "bare", sys.executable)
    with pytest.raises(DeviceError, match=r"no Pillow.*pip install pillow"):
        ask(LocalDevice(lock="", python=str(python)), task)


def test_without_pillow_on_a_board_the_next_step_is_told(board: Board, task: CourseTask, tmp_path: Path) -> None:
    python = python_without_pillow(tmp_path / "bare", sys.executable)
    python.replace(board.folder / "venv" / "bin" / "python")
    with pytest.raises(DeviceError, match=rf"no Pillow.*devices prepare {board.address} --course"):
        ask(board.device(), task)


def test_only_the_script_loads_pillow() -> None:
    words = [
        sys.executable,
        "-c",
        f"import runpy, sys; runpy.run_path({str(program_file())!r}); print('PIL' in sys.modules)",
    ]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == "False"
