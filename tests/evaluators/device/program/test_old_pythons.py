"""The on-device program on the Pythons that boards have: those in $SEARCH_PYTHONS, each with NumPy and a runtime.

LiteRT may be there as tflite-runtime. The course's protocol is tried on those with Pillow.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluators.device.device import CourseRun, CourseTask, DeviceInfo, LoadTask, ProcessRun, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import CLASSES, write_classifier, write_images
from tests.evaluators.device.pngs import bundled, coloured, write_pngs
from tests.evaluators.device.tflite_models import write_network

PYTHONS = [python for python in os.environ.get("SEARCH_PYTHONS", "").split(os.pathsep) if python]
IMAGES = 64
# The name of the interpreter's folder, as in py37/bin/python.
NAMES = [Path(python).parent.parent.name for python in PYTHONS]

pytestmark = pytest.mark.skipif(not PYTHONS, reason="SEARCH_PYTHONS names no interpreters")


@pytest.fixture(scope="module", params=["onnxruntime", "litert"])
def runtime(request: pytest.FixtureRequest) -> RuntimeSettings:
    return RuntimeSettings(runtime=request.param)


@pytest.fixture(scope="module")
def model(runtime: RuntimeSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    if runtime.runtime == "litert":
        return write_network(folder / "network.tflite")
    return write_classifier(folder / "classifier.onnx")


@pytest.fixture(scope="module", params=PYTHONS, ids=NAMES)
def python(request: pytest.FixtureRequest, runtime: RuntimeSettings) -> str:
    async def has() -> bool:
        async with LocalDevice(python=request.param, lock="") as device:
            return device.info.framework(runtime.runtime) is not None

    if not asyncio.run(has()):
        pytest.skip(f"it has no {runtime.runtime}")
    path: str = request.param
    return path


@pytest.fixture(scope="module")
def answers(
    python: str, runtime: RuntimeSettings, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DeviceInfo, ProcessRun, ProcessRun]:
    """What the device says of itself, a run of search mode and one of confirm mode."""
    folder = tmp_path_factory.mktemp("old")
    task = Task(model=model, images=write_images(folder / "images.npy", IMAGES), runtime=runtime, limit_s=0.5)

    async def asked() -> tuple[DeviceInfo, ProcessRun, ProcessRun]:
        async with LocalDevice(python=python, lock=str(folder / "board.lock")) as device:
            return device.info, await device.run(task), await device.run(replace(task, passes=2))

    return asyncio.run(asked())


Answers = tuple[DeviceInfo, ProcessRun, ProcessRun]


def test_it_describes_itself(answers: Answers, runtime: RuntimeSettings) -> None:
    info = answers[0]
    assert info.python.startswith("3.")
    assert info.runtimes[0] == info.runtime
    assert info.framework(runtime.runtime) is not None
    assert (info.bits, info.cores >= 1) == (64, True)


def test_it_searches(answers: Answers) -> None:
    search = answers[1]
    assert len(search.latencies_s) >= 5
    assert search.during is not None


def test_it_confirms(answers: Answers) -> None:
    confirm = answers[2]
    assert len(confirm.latencies_s) == 2 * IMAGES
    assert len(confirm.predictions) == IMAGES
    assert all(0 <= name < CLASSES for name in confirm.predictions)


def test_it_runs_the_courses_script(python: str, model: Path, runtime: RuntimeSettings, tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "pngs", coloured(16), np.zeros(16, np.int64))
    task = CourseTask(
        model=model,
        images=bundled(folder, tmp_path / "images.zip"),
        count=16,
        runtime=runtime,
    )

    async def asked() -> CourseRun:
        async with LocalDevice(python=python, lock="") as device:
            if not device.info.reads_png:
                pytest.skip("it has no Pillow")
            return await device.course(task)

    run = asyncio.run(asked())
    assert len(run.latencies_s) == 16
    assert run.wall_s > run.loop_wall_s


def test_it_works_for_a_meter(python: str, model: Path, runtime: RuntimeSettings, tmp_path: Path) -> None:
    task = LoadTask(
        model=model,
        images=write_images(tmp_path / "images.npy", IMAGES),
        runtime=runtime,
        idle_s=0.2,
        active_s=0.3,
    )
    run = asyncio.run(LocalDevice(python=python, lock="").load(task))
    assert run.inferences > 0
    assert len(run.pings) >= 10
