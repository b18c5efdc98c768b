"""The on-device program on a Mac, as far as can be told without one: what its tools say, how its kernel is asked."""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluators.bench import bench_of
from evaluators.device.cleanliness import dirt
from evaluators.device.device import Guard, ProcessRun, Task
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import describe_request, measure_request
from evaluators.device.on_board.results import device_info, process_run
from evaluators.device.program import macos
from evaluators.device.program.macos import SW_VERS, SYSCTL, is_macos, load_info_ticks, therm_bits, tool_output
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.macs import INTEL_LIMITS, MACS, NOT_TOLD, build_mach, write_mac
from tests.evaluators.device.models import write_classifier, write_images

OTHERS_UNKNOWN = "whether other programs disturbed it is unknown"
CLOCK_UNKNOWN = "whether its clock was lowered is unknown"
compiled = pytest.mark.skipif(
    shutil.which("cc") is None or sys.platform != "linux", reason="no C compiler for a stand-in of macOS's kernel"
)

Asked = Callable[..., dict[str, Any]]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """What the program answers on a Mac."""

    def ask(request: bytes, name: str, library: Path | None = None, **changes: str) -> dict[str, Any]:
        write_mac(tmp_path / "mac", replace(MACS[name], **changes))
        environment = {**os.environ, "SEARCH_SYSROOT": str(tmp_path / "mac")}
        if library is not None:
            environment["LD_PRELOAD"] = str(library)
        with subprocess.Popen(
            [sys.executable, str(program_file())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.write(request)
            program.stdin.flush()
            lines = [json.loads(line) for line in program.stdout]
        result: dict[str, Any] = lines[-1]
        assert result["event"] == "result", result
        return result

    return ask


@pytest.fixture
def request_(tmp_path: Path) -> bytes:
    model, images = write_classifier(tmp_path / "model.onnx"), write_images(tmp_path / "images.npy")
    task = Task(model=model, images=images, runtime=RuntimeSettings(), limit_s=0.5)
    return measure_request(task, model=str(model), images=str(images), guard=Guard(lock=""))


def run_of(message: dict[str, Any]) -> ProcessRun:
    return process_run(message)


def test_the_chip_and_the_system_are_named(asked: Asked) -> None:
    for name, model, system in (
        ("M1", "Apple M1", "macOS 12.6 ("),
        ("M2 Pro", "Apple M2 Pro", "macOS 14.5 ("),
        ("Intel", "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "Mac OS X 10.15.7 ("),
    ):
        message = asked(describe_request(), name)
        assert message["model"] == model
        assert message["system"].startswith(system)
        assert message["memory_bytes"] == int(MACS[name].memory_bytes)


def test_different_chips_are_different_benches(asked: Asked) -> None:
    benches = set()
    for name in MACS:
        message = asked(describe_request(), name, version=MACS["M1"].version)
        benches.add(bench_of(device_info(message, pool="this machine", on_this_machine=True), "estimate").id)
    assert len(benches) == len(MACS)


@pytest.mark.skipif(sys.platform == "darwin", reason="this machine's kernel does tell")
def test_a_mac_whose_kernel_does_not_tell_says_so_with_every_result(asked: Asked, request_: bytes) -> None:
    """This machine stands for such a Mac: it has no such kernel."""
    run = run_of(asked(request_, "M1"))
    assert run.after.others_cores is None
    assert [warning.partition(":")[0] for warning in run.warnings] == [OTHERS_UNKNOWN, CLOCK_UNKNOWN]


@compiled
def test_a_neighbour_on_a_mac_makes_a_run_dirty(asked: Asked, request_: bytes, tmp_path: Path) -> None:
    """Two processors are busy, and we use one of them at most."""
    run = run_of(asked(request_, "M1", build_mach(tmp_path)))
    assert run.after.others_cores is not None
    assert 0.5 < run.after.others_cores < 2.1
    assert dirt(run, cores=2, threads=2)[0].startswith("others used")
    assert [warning.partition(":")[0] for warning in run.warnings] == [CLOCK_UNKNOWN]


@compiled
@pytest.mark.parametrize("kind", ["FROZEN", "REFUSED"])
def test_a_kernel_that_counts_nothing_is_not_believed(asked: Asked, request_: bytes, tmp_path: Path, kind: str) -> None:
    run = run_of(asked(request_, "M1", build_mach(tmp_path, kind)))
    assert run.after.others_cores is None
    assert run.warnings[0].startswith(OTHERS_UNKNOWN)


@pytest.mark.parametrize(("limit", "reasons"), [(100, []), (62, ["clock capped"])])
def test_an_intel_mac_tells_whether_its_clock_is_limited(
    asked: Asked, request_: bytes, limit: int, reasons: list[str]
) -> None:
    run = run_of(asked(request_, "Intel", therm=INTEL_LIMITS.format(limit=limit)))
    assert dirt(run, cores=12, threads=1) == reasons
    assert not any(warning.startswith(CLOCK_UNKNOWN) for warning in run.warnings)


@pytest.mark.parametrize(
    ("text", "bits"),
    [(INTEL_LIMITS.format(limit=100), 0), (INTEL_LIMITS.format(limit=99), 2), (NOT_TOLD, None), ("", None)],
)
def test_the_speed_limit_is_read_from_what_pmset_says(text: str, bits: int | None) -> None:
    assert therm_bits(text) == bits


def recorded(*processors: tuple[int, int, int, int]) -> bytes:
    """User, system, idle and nice of each processor, as the kernel hands them over."""
    return b"".join(struct.pack("=4I", *ticks) for ticks in processors)


def test_ticks_are_all_but_idle_of_every_processor() -> None:
    content = recorded((120_000, 40_000, 900_000, 0), (20_000, 10_000, 4_000_000_000, 5))
    assert load_info_ticks(content, 2) == 190_005


@pytest.mark.parametrize(("content", "processors"), [(b"", 0), (b"", 2), (recorded((1, 2, 3, 4)), 2), (b"\0" * 15, 1)])
def test_what_is_not_of_the_kernels_shape_is_no_count(content: bytes, processors: int) -> None:
    assert load_info_ticks(content, processors) is None


def test_a_tool_that_fails_or_hangs_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    monkeypatch.setattr(macos, "MACOS_TOOL_LIMIT_S", 0.2)
    assert tool_output(SYSCTL, "-n", "hw.memsize") == ""
    write_mac(tmp_path, MACS["M1"])
    assert tool_output(SYSCTL, "-n", "kern.unknown") == ""
    (tmp_path / "usr/bin/sw_vers").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    assert tool_output(SW_VERS) == ""


def test_this_machine_is_no_mac() -> None:
    assert is_macos() is (sys.platform == "darwin")
