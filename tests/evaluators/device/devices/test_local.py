"""LocalDevice with the real program, a real runtime and real models; and with programs that misbehave."""

import asyncio
import os
import platform
import signal
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from evaluators.device.cleanliness import dirt
from evaluators.device.device import Device, ProcessRun, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import measure_request
from evaluators.device.program import timing
from evaluators.device.program.requests import checked_request
from evaluators.device.program.runner import Runner
from evaluators.device.program.timing import BLOCK_RUNS, Timer, course_seconds
from evaluators.errors import DeviceError
from evaluators.runtimes.onnx_runtime.on_board import load
from evaluators.runtimes.settings import RuntimeSettings
from space.errors import CandidateError
from tests.contracts.device import DeviceContract, run_once
from tests.evaluators.device.boards import write_board
from tests.evaluators.device.models import write_classifier, write_failing, write_images
from tests.evaluators.device.processes import GONE_S, children_of, ends_within, measuring
from tests.evaluators.device.short import local

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("quick")
    return Task(
        model=write_classifier(folder / "classifier.onnx"),
        images=write_images(folder / "images.npy"),
        runtime=RuntimeSettings(),
        limit_s=0.1,
    )


@pytest.fixture(scope="session")
def endless(quick: Task) -> Task:
    """A task that runs until it is stopped."""
    return replace(quick, precision=1e-6, limit_s=600)


@pytest.fixture
def task(quick: Task) -> Task:
    return quick


class TestLocalDevice(DeviceContract):
    @pytest.fixture
    def device(self) -> Device:
        return LocalDevice(lock="")


def ask(task: Task, device: LocalDevice | None = None) -> ProcessRun:
    """Runs the task without describing the device first."""
    return asyncio.run((device or local()).run(task))


def plain_session(model: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def test_its_figures_are_of_this_machine() -> None:
    async def info() -> tuple[int, str, bool]:
        async with local() as device:
            return device.info.cores, device.info.runtime, device.info.on_this_machine

    assert asyncio.run(info()) == (os.cpu_count(), f"onnxruntime {onnxruntime.__version__}", True)


def test_it_tells_the_bits_of_its_python_and_its_machine() -> None:
    async def told() -> tuple[int, str]:
        async with local() as device:
            return device.info.bits, device.info.machine

    assert asyncio.run(told()) == (struct.calcsize("P") * 8, platform.machine())


def test_predictions_are_those_of_a_plain_session(quick: Task) -> None:
    run = ask(replace(quick, passes=1))
    session = plain_session(quick.model)
    scores = [session.run(None, {"image": image[None]})[0] for image in np.load(quick.images)]
    assert run.predictions == tuple(int(row.argmax()) for row in scores)
    assert len(set(run.predictions)) > 1


def test_a_float_model_gets_normalised_images(quick: Task, tmp_path: Path) -> None:
    model = write_classifier(tmp_path / "float.onnx", kind=TensorProto.FLOAT, shape=(1, 3, 32, 32))
    run = ask(replace(quick, model=model, passes=1, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3)))
    session = plain_session(model)
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.1, 0.2, 0.3)))
    images = (np.load(quick.images).astype(np.float32) / 255 - mean) / std
    expected = [int(session.run(None, {"image": image[None]})[0].argmax()) for image in images]
    assert run.predictions == tuple(expected)
    assert len(set(expected)) > 1
    # That step is part of the latency, and not of what the course's script times.
    assert run.course_s is not None
    assert ask(quick).course_s is None


class MadeUpTime:
    """A clock, and a model whose runs take 1, 2, 3, ... ms; its answers take 5 ms to be looked at."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.runs = 0
        self.outputs = None
        self.shape, self.ndim = (1, 10), 2

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def run(self, outputs: None, image: int) -> "MadeUpTime":
        self.runs += 1
        self.now_ns += self.runs * 1_000_000
        return self

    def logits(self, answer: "MadeUpTime") -> "MadeUpTime":
        return answer

    def argmax(self) -> int:
        self.now_ns += 5_000_000
        return 3


def test_what_is_timed_is_the_run_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = MadeUpTime()
    monkeypatch.setattr(timing, "time", made_up)
    timer = Timer(made_up, [0, 1])
    classes: list[int] = []
    timer.block(classes=classes)
    timer.block()
    assert [latency_ns / 1_000_000 for latency_ns in timer.latencies] == list(range(1, made_up.runs + 1))
    assert timer.starts == [0, BLOCK_RUNS]
    assert classes == [3] * BLOCK_RUNS


class CourseOnly(Runner):
    """A model of which the course times so long, by a clock of its own."""

    def __init__(self, clock: MadeUpTime, takes_ns: int) -> None:
        super().__init__("made up", clock.run)
        self.clock, self.takes_ns, self.calls = clock, takes_ns, 0

    def timed_as_in_the_course(self, feed: Any) -> tuple[int, None]:
        self.calls += 1
        self.clock.now_ns += self.takes_ns
        return self.takes_ns + self.calls % 2, None


@pytest.mark.parametrize(("takes_ns", "calls"), [(10_000, 5000), (500_000, 200), (10_000_000, 20), (100_000_000, 5)])
def test_what_the_course_times_is_asked_for_often_enough_and_not_for_long(
    monkeypatch: pytest.MonkeyPatch, takes_ns: int, calls: int
) -> None:
    clock = MadeUpTime()
    monkeypatch.setattr(timing, "time", clock)
    model = CourseOnly(clock, takes_ns)
    told_s = course_seconds(model, [0, 1])
    assert told_s is not None
    assert (round(told_s * 1e9 - takes_ns) in (0, 1), model.calls) == (True, calls)
    assert course_seconds(Runner("made up", clock.run), [0, 1]) is None


@pytest.mark.parametrize("spinning", [False, True])
def test_the_settings_reach_the_runtime(quick: Task, spinning: bool) -> None:
    settings = RuntimeSettings(threads=2, spinning=spinning, graph_optimization="basic")
    request = measure_request(replace(quick, runtime=settings), model=str(quick.model), images=str(quick.images))
    session = load(checked_request(request), (3, 32, 32)).run.__self__  # type: ignore[attr-defined]
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == str(int(spinning))


class Seen(Exception):
    """Enough was seen of a run."""


@LINUX
def test_as_many_threads_run_as_were_asked_for(endless: Task) -> None:
    def threads(number: int) -> int:
        running = 0

        def count(what: str, share: float) -> None:
            nonlocal running
            if what == "timing":
                (pid,) = measuring()
                running = len(list(Path(f"/proc/{pid}/task").iterdir()))
                raise Seen

        with pytest.raises(Seen):
            asyncio.run(local().run(replace(endless, runtime=RuntimeSettings(threads=number)), count))
        return running

    assert threads(3) - threads(1) == 2


def test_a_quiet_figure_ends_the_run_before_its_limit(quick: Task) -> None:
    run = ask(replace(quick, precision=0.9, limit_s=2 * GONE_S))
    assert 0.3 < run.wall_s < GONE_S


def test_the_limit_ends_a_run_that_is_never_precise_enough(quick: Task) -> None:
    run = ask(replace(quick, precision=1e-6, limit_s=0.4))
    assert 0.4 <= run.wall_s < GONE_S


def test_the_memory_of_a_model_grows_with_its_weights(quick: Task, tmp_path: Path) -> None:
    large = write_classifier(tmp_path / "large.onnx", channels=40_000)
    small, big = ask(quick), ask(replace(quick, model=large, limit_s=0.05))
    own = [run.memory_peak_bytes - run.memory_imports_bytes for run in (small, big)]
    # 40,000 channels of 16 x 16 outputs in float32 are 41 MB.
    assert own[1] - own[0] > 30e6


def test_the_memory_of_the_images_is_not_the_models(quick: Task, tmp_path: Path) -> None:
    many = write_images(tmp_path / "many.npy", 5_000)
    of_few, of_many = ask(quick), ask(replace(quick, images=many))
    assert abs(of_many.memory_peak_bytes - of_few.memory_peak_bytes) < 8e6


@pytest.mark.parametrize(
    ("shape", "kind", "reason"),
    [
        (("batch", 32, 32, 3), TensorProto.UINT8, "NHWC"),
        (("batch", 3, 28, 28), TensorProto.UINT8, "28"),
        ((8, 3, 32, 32), TensorProto.UINT8, r"\[8, 3, 32, 32\]"),
        (("batch", 3, 32, 32), TensorProto.INT64, "int64"),
    ],
)
def test_an_input_that_is_not_the_image_is_named(
    quick: Task, tmp_path: Path, shape: tuple[int | str, ...], kind: int, reason: str
) -> None:
    # The convolution would not take NHWC either; the shape is looked at before any run.
    channels = write_classifier(tmp_path / "odd.onnx", shape=shape, kind=kind)
    with pytest.raises(CandidateError, match=reason):
        ask(replace(quick, model=channels))


def test_a_model_that_fails_while_running_is_the_candidates_fault(quick: Task, tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match="cannot run it"):
        ask(replace(quick, model=write_failing(tmp_path / "failing.onnx")))


def test_missing_images_are_the_devices_fault(quick: Task, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"gone\.npy"):
        ask(replace(quick, images=tmp_path / "gone.npy"))


def test_images_of_another_kind_are_the_devices_fault(quick: Task, tmp_path: Path) -> None:
    np.save(tmp_path / "float.npy", np.zeros((4, 3, 32, 32), np.float32))
    with pytest.raises(DeviceError, match="float32"):
        ask(replace(quick, images=tmp_path / "float.npy"))


def test_a_missing_model_is_the_devices_fault(quick: Task, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"gone\.onnx"):
        ask(replace(quick, model=tmp_path / "gone.onnx"))


def test_an_unknown_optimization_is_named(quick: Task) -> None:
    with pytest.raises(DeviceError, match="most"):
        ask(replace(quick, runtime=RuntimeSettings(graph_optimization="most")))


@LINUX
def test_a_killed_program_is_told_by_its_signal(endless: Task) -> None:
    def kill(what: str, share: float) -> None:
        if what == "timing":
            for pid in measuring():
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(DeviceError, match="SIGKILL"):
        asyncio.run(local().run(endless, kill))


@LINUX
def test_cancelling_leaves_no_process(endless: Task) -> None:
    async def cancelled() -> list[int]:
        timing = asyncio.Event()
        run = asyncio.create_task(local().run(endless, lambda what, share: timing.set()))
        await timing.wait()
        started = measuring()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        return started

    started = asyncio.run(cancelled())
    assert started
    assert not set(started) & set(measuring())


ROOT = Path(__file__).parents[4]
PARENT = """
import asyncio, os, sys
from pathlib import Path
from evaluators.device.device import RuntimeSettings, Task
from evaluators.device.devices.local import LocalDevice
from tests.evaluators.device.processes import children_of

def tell(what, share):
    if what == "timing":
        print(*children_of(os.getpid()), flush=True)

task = Task(model=Path(sys.argv[1]), images=Path(sys.argv[2]), runtime=RuntimeSettings(), precision=1e-6, limit_s=600)
asyncio.run(LocalDevice(lock="").run(task, tell))
"""


@LINUX
def test_the_program_does_not_outlive_a_killed_parent(endless: Task) -> None:
    words = [sys.executable, "-c", PARENT, str(endless.model), str(endless.images)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        (pid,) = map(int, parent.stdout.readline().split())
        parent.kill()
    assert ends_within(pid, GONE_S)


@LINUX
def test_ctrl_c_does_not_reach_the_program_first(endless: Task) -> None:
    groups: set[int] = set()

    def look(what: str, share: float) -> None:
        groups.update(os.getpgid(pid) for pid in measuring())
        if what == "timing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(local().run(endless, look))
    assert groups
    assert os.getpgid(0) not in groups


@LINUX
def test_twenty_runs_leave_no_descriptor_open(quick: Task, tmp_path: Path) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def runs() -> tuple[int, int]:
        failing = LocalDevice(lock="", program=script(tmp_path, "print('garbage')"))
        counts = []
        for turn in range(20):
            if turn % 10:
                with pytest.raises(DeviceError):
                    await failing.run(quick)
            else:
                await local().run(quick)
            counts.append(open_descriptors())
        return counts[0], counts[-1]

    first, last = asyncio.run(runs())
    assert last <= first


def test_the_state_of_the_board_is_read_before_and_after(
    quick: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_board(tmp_path, throttled=0x80008)
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))

    async def look() -> tuple[str, str, str, ProcessRun]:
        async with local() as device:
            info = device.info
            return info.model, info.governor, info.serial, await device.run(quick)

    model, governor, serial, run = asyncio.run(look())
    assert (model, governor) == ("Raspberry Pi 3 Model B Plus Rev 1.3", "ondemand")
    assert serial == "00000000abcdef01"
    for state in (run.before, run.after):
        assert state.temperature_c == pytest.approx(61.2)
        assert (state.clock_hz, state.governor, state.load) == (1.2e9, "ondemand", 0.5)
        assert state.throttled == 0x80008
    assert dirt(run, cores=4, threads=1) == ["soft temperature limit at 61 °C"]


def test_our_own_settings_do_not_reach_the_program(
    quick: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with pytest.raises(DeviceError, match=r"\(None\)"):
        ask(
            quick,
            LocalDevice(
                lock="", program=script(tmp_path, "import os\nsys.exit(f\"({os.environ.get('OMP_NUM_THREADS')})\")")
            ),
        )


def script(folder: Path, body: str) -> Path:
    """A program in place of ours: it reads the request, then does as it likes."""
    path = folder / "program.py"
    path.write_text(f"import sys, time\nsys.stdin.readline()\n{body}\nsys.stdout.flush()\n")
    return path


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('Traceback (most recent call last):')", "is not JSON"),
        ("print('[1, 2]')", "not a JSON object"),
        ("print('{}')", "unknown kind"),
        ('print(\'{"event": "result"}\')', "protocol is missing"),
        ('print(\'{"event": "result", "protocol": 99}\')', "protocol is '99'"),
        ('print(\'{"event": "progress", "what": "x", "share": NaN}\')', "share"),
        ('print(\'{"event": "progress", "what": "x", "share": 2}\')', "share"),
        ("sys.stdout.write('x' * 20_000_000)", "without an end"),
        ("print('[' * 100_000)", "is not JSON"),
        ("sys.exit(3)", "status 3"),
        ("sys.exit('no such module')", "no such module"),
        ("sys.stdout.write('{\"event\":')", "status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "SIGILL.*processor"),
        ("import os; os.close(1); time.sleep(60)", "closed its output"),
        ("time.sleep(60)", "no answer while starting"),
        ("print('\\x1b[31m{')", r"'\[31m\{'"),
    ],
)
def test_a_program_that_misbehaves_is_the_devices_fault(quick: Task, tmp_path: Path, body: str, reason: str) -> None:
    before = set(children_of(os.getpid()))
    with pytest.raises(DeviceError, match=reason):
        ask(
            quick,
            LocalDevice(lock="", program=script(tmp_path, body), silence_s=1.5 if "no answer" in reason else GONE_S),
        )
    assert set(children_of(os.getpid())) <= before


def test_a_python_that_is_not_there_is_the_devices_fault(quick: Task) -> None:
    with pytest.raises(DeviceError, match="cannot start"):
        ask(quick, LocalDevice(lock="", python="/nowhere/python"))


def test_what_a_library_prints_does_not_spoil_the_answer(quick: Task, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, threading, time\n"
        "def chat():\n"
        "    while True:\n"
        "        os.write(1, b'a library says something\\n'); time.sleep(0.01)\n"
        "sys.path.insert(0, " + repr(str(program_file())) + ")\n"
        "from evaluators.device.program import main\n"
        "real = main.read_request\n"
        "def read(): \n"
        "    threading.Thread(target=chat, daemon=True).start()\n"
        "    return real()\n"
        "main.read_request = read\n"
        "main.main()\n"
    )
    assert ask(quick, LocalDevice(lock="", program=program)).latencies_s


def test_two_tasks_at_once_are_run_one_after_the_other(quick: Task) -> None:
    async def both() -> tuple[ProcessRun, ProcessRun]:
        device = local()
        first, second = await asyncio.gather(device.run(quick), device.run(quick))
        return first, second

    first, second = sorted(asyncio.run(both()), key=lambda run: run.began_s or 0)
    assert first.began_s is not None
    assert second.began_s is not None
    assert second.began_s >= first.began_s + first.wall_s


def test_a_process_that_ends_normally_leaves_nothing_behind(quick: Task) -> None:
    before = set(children_of(os.getpid()))
    run_once(local(), quick)
    assert set(children_of(os.getpid())) <= before
