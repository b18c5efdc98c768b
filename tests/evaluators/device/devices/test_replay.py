"""ReplayDevice: a device like the others, and honest about what a recording cannot know."""

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.device.device import CourseTask, Device, ProcessRun, Task
from evaluators.device.devices.replay import RecordedRun, ReplayDevice, read_recording, write_recording
from evaluators.runtimes.settings import RuntimeSettings
from space.errors import CandidateError, RequestError
from tests.contracts.device import DeviceContract, run_once
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.runs import INFO, process_run

FIRST, SECOND = process_run((0.003, 0.002)), process_run((0.004, 0.005))
CONFIRMED = process_run((0.001, 0.002, 0.003, 0.004), predictions=(7, 2))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    model = write_classifier(tmp_path / "known.onnx", structure_id="5a5a5a")
    return Task(model=model, images=tmp_path / "images.npy", runtime=RuntimeSettings())


@pytest.fixture
def recording(tmp_path: Path, task: Task) -> Path:
    path = tmp_path / "bench.jsonl"
    sha256 = hashlib.sha256(task.model.read_bytes()).hexdigest()
    write_recording(
        path,
        INFO,
        [RecordedRun("5a5a5a", FIRST), RecordedRun("5a5a5a", CONFIRMED, sha256), RecordedRun("5a5a5a", SECOND)],
    )
    return path


class TestReplayDevice(DeviceContract):
    @pytest.fixture
    def device(self, recording: Path) -> Device:
        return ReplayDevice(recording)


def replayed(recording: Path, task: Task, times: int) -> list[ProcessRun]:
    async def runs() -> list[ProcessRun]:
        async with ReplayDevice(recording) as device:
            return [await device.run(task) for _ in range(times)]

    return asyncio.run(runs())


def test_it_describes_the_device_that_was_recorded(recording: Path) -> None:
    assert ReplayDevice(recording).info == replace(INFO, recorded=True)


def test_runs_of_a_structure_come_in_order_over_and_over(recording: Path, task: Task) -> None:
    assert replayed(recording, task, 3) == [FIRST, SECOND, FIRST]


def test_a_recording_has_no_runs_of_the_courses_protocol(recording: Path, task: Task) -> None:
    course = CourseTask(model=task.model, images=task.images, count=1, runtime=task.runtime)
    with pytest.raises(RequestError, match=r"bench\.jsonl: a recording holds no runs of the course's protocol"):
        asyncio.run(ReplayDevice(recording).course(course))


def test_the_same_file_gets_its_predictions(recording: Path, task: Task) -> None:
    assert replayed(recording, replace(task, passes=2), 2) == [CONFIRMED, CONFIRMED]


def test_other_weights_get_the_timing_without_the_predictions(recording: Path, task: Task, tmp_path: Path) -> None:
    retrained = write_classifier(tmp_path / "other.onnx", structure_id="5a5a5a", seed=1)
    run = run_once(ReplayDevice(recording), replace(task, model=retrained, passes=2))
    assert (run.latencies_s, run.predictions) == (CONFIRMED.latencies_s, ())
    assert "other weights" in run.warnings[0]


def test_a_structure_that_was_not_recorded_is_the_candidates_fault(recording: Path, task: Task, tmp_path: Path) -> None:
    strange = write_classifier(tmp_path / "strange.onnx", structure_id="000000")
    with pytest.raises(CandidateError, match=r"bench\.jsonl holds 1 structures.*000000"):
        run_once(ReplayDevice(recording), replace(task, model=strange))


def test_a_model_without_a_structure_is_the_candidates_fault(recording: Path, task: Task, tmp_path: Path) -> None:
    foreign = write_classifier(tmp_path / "foreign.onnx")
    with pytest.raises(CandidateError, match="structure_id"):
        run_once(ReplayDevice(recording), replace(task, model=foreign))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = (RecordedRun("a", FIRST, "f" * 64), RecordedRun("b", CONFIRMED))
    write_recording(tmp_path / "bench.jsonl", INFO, rows)
    assert read_recording(tmp_path / "bench.jsonl") == (replace(INFO, recorded=True), rows)
    assert [path.name for path in tmp_path.iterdir()] == ["bench.jsonl"]


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"gone\.jsonl cannot be read: No such file"):
        ReplayDevice(tmp_path / "gone.jsonl")


@pytest.mark.parametrize(
    ("line", "content", "reason"),
    [
        (1, "", "not JSON"),
        (1, "{}", "format"),
        (1, '{"format": "device recording", "version": 2}', "version"),
        (3, "half a li", "not JSON"),
        (3, "[]", "JSON object"),
        (3, "{}", "protocol"),
        (4, json.dumps({"structure_id": 7}), "protocol"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(recording: Path, line: int, content: str, reason: str) -> None:
    lines = recording.read_text().splitlines()
    lines[line - 1] = content
    recording.write_text("\n".join(lines))
    with pytest.raises(RequestError, match=rf"bench\.jsonl, line {line}: .*{reason}"):
        ReplayDevice(recording)


def test_a_recording_cut_off_is_refused(recording: Path) -> None:
    recording.write_bytes(recording.read_bytes()[:-20])
    with pytest.raises(RequestError, match="line 4"):
        ReplayDevice(recording)


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(RequestError, match="empty"):
        ReplayDevice(tmp_path / "empty.jsonl")
