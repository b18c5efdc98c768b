"""The on-device program, as boards get it, on cores that boards have: every runtime, every kind of file."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from evaluators.device.device import DeviceInfo, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.runtimes.runtime import RUNTIMES, format_of_runtime
from evaluators.runtimes.settings import RuntimeSettings
from tests.emulated.board import Emulator
from tests.emulated.cores import CORES, Core
from tests.emulated.folder import UnavailableError
from tests.emulated.networks import SMALL, images, written
from tests.space.few_images import PIXELS

pytestmark = pytest.mark.emulated

FILES = [(name, quantization) for name in RUNTIMES.names() for quantization in format_of_runtime(name).quantizations]
# Its wheel for aarch64 ends with an illegal instruction on older cores: github.com/microsoft/onnxruntime, issue 23957.
CRASHES_ON_OLD_CORES = "onnxruntime==1.21.0"


@pytest.fixture
def site(emulated: Emulator, runtime: str) -> Path:
    """The packages of a runtime, in the version of this machine."""
    return fetched(emulated, runtime)


def fetched(emulated: Emulator, runtime: str) -> Path:
    try:
        return emulated.site_of(RUNTIMES.get(runtime))
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def device(emulated: Emulator, core: Core, site: Path, tmp_path: Path) -> LocalDevice:
    return LocalDevice(python=str(emulated.launcher(core, [site], tmp_path / "python")), lock="")


async def described(device: LocalDevice) -> DeviceInfo:
    async with device as opened:
        return opened.info


def answers(device: LocalDevice, runtime: str, model: Path, folder: Path) -> list[int]:
    """The classes of the confirm pass."""
    task = Task(model=model, images=images(folder), runtime=RuntimeSettings(runtime=runtime), passes=1)
    return list(asyncio.run(device.run(task)).predictions)


def test_a_core_says_which_one_it_is(emulated: Emulator, core: Core) -> None:
    words = emulated.words(core)
    command = "import os; print(open('/proc/cpuinfo').read()); print(os.uname().machine)"
    text = subprocess.run([*words, "-c", command], capture_output=True, text=True, check=True).stdout
    assert core.described(0) in text
    assert text.splitlines()[-1] == "aarch64"


@pytest.mark.parametrize("runtime", RUNTIMES.names())
def test_it_describes_itself(device: LocalDevice, runtime: str) -> None:
    info = asyncio.run(described(device))
    assert (info.machine, info.bits) == ("aarch64", 64)
    assert info.framework(runtime) is not None


@pytest.mark.parametrize(("runtime", "quantization"), FILES, ids=[f"{name}-{kind}" for name, kind in FILES])
def test_it_answers_as_this_machine_does(device: LocalDevice, runtime: str, quantization: str, tmp_path: Path) -> None:
    model = written(SMALL, runtime, quantization, tmp_path)
    expected = RUNTIMES.get(runtime).predictions(model, PIXELS).tolist()
    assert len(set(expected)) > 3
    assert answers(device, runtime, model, tmp_path) == expected


@pytest.mark.parametrize("runtime", RUNTIMES.names())
def test_every_release_for_its_python_loads_and_answers(emulated: Emulator, runtime: str, tmp_path: Path) -> None:
    """Where one does not fit a core, `devices prepare` goes on to the next; all of these have to fit."""
    kind, lacking = RUNTIMES.get(runtime), []
    files = [written(SMALL, runtime, name, tmp_path) for name in format_of_runtime(runtime).quantizations]
    for release in kind.releases(emulated.target().python):
        try:
            site = emulated.site(release.requirements)
        except UnavailableError as error:
            lacking.append(str(error))
            continue
        for core in CORES:
            done = probed(emulated, core, site, kind.probe)
            assert done.returncode == 0, f"{release} on a {core.name}: {done.returncode}, {done.stderr[-500:]}"
        board = LocalDevice(python=str(emulated.launcher(CORES[0], [site], tmp_path / "python")), lock="")
        for model in files:
            expected = kind.predictions(model, PIXELS).tolist()
            assert answers(board, runtime, model, tmp_path) == expected, f"{release}, {model.name}"
    if lacking:
        pytest.skip(f"not all could be tried: {'; '.join(lacking)}")


def test_a_release_that_crashes_on_old_cores_is_seen_to(emulated: Emulator, core: Core) -> None:
    try:
        site = emulated.site([CRASHES_ON_OLD_CORES, "numpy"])
    except UnavailableError as error:
        pytest.skip(str(error))
    done = probed(emulated, core, site, RUNTIMES.get("onnxruntime").probe)
    assert done.returncode == {"cortex-a53": -signal.SIGILL, "cortex-a76": 0}[core.name], done.stderr


def probed(emulated: Emulator, core: Core, site: Path, probe: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*emulated.words(core, [site]), str(probe)], capture_output=True, text=True, timeout=300)
