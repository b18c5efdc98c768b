"""What every Device owes its caller.

A test module of a device inherits it, says how to open one, and has a fixture `task`: in search mode, of a model that
this device can run.
"""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from evaluators.device.device import Device, LooksAtSeveral, ProcessRun, Task
from evaluators.errors import RigError
from space.errors import CandidateError


class DeviceContract:
    @pytest.fixture
    def device(self) -> Device:
        """Not yet entered."""
        raise NotImplementedError

    def test_it_describes_itself_once_entered(self, device: Device) -> None:
        async def entered() -> tuple[str, int, str]:
            async with device as opened:
                return opened.info.model, opened.info.cores, opened.info.runtime

        model, cores, runtime = asyncio.run(entered())
        assert model
        assert cores >= 1
        assert runtime

    def test_every_latency_is_positive_and_shorter_than_the_whole(self, device: Device, task: Task) -> None:
        run = run_once(device, task)
        assert min(run.latencies_s) > 0
        assert sum(run.latencies_s) <= run.wall_s

    def test_blocks_divide_the_latencies_in_order(self, device: Device, task: Task) -> None:
        run = run_once(device, task)
        assert run.block_starts[0] == 0
        assert all(a < b for a, b in pairwise([*run.block_starts, len(run.latencies_s)]))

    def test_the_cpu_and_the_memory_of_the_model_are_known(self, device: Device, task: Task) -> None:
        run = run_once(device, task)
        assert run.cpu_s > 0
        assert run.memory_peak_bytes >= run.memory_imports_bytes > 0

    def test_search_mode_gives_no_predictions(self, device: Device, task: Task) -> None:
        assert run_once(device, task).predictions == ()

    def test_confirm_mode_runs_every_image_as_often_as_asked(self, device: Device, task: Task) -> None:
        run = run_once(device, replace(task, passes=2))
        assert len(run.predictions) > 0
        assert len(run.latencies_s) == 2 * len(run.predictions)

    def test_progress_is_a_share_with_words(self, device: Device, task: Task) -> None:
        steps: list[tuple[str, float]] = []

        async def watched() -> None:
            async with device as opened:
                await opened.run(task, lambda what, share: steps.append((what, share)))

        asyncio.run(watched())
        assert steps
        assert all(what and 0 <= share <= 1 for what, share in steps)

    @pytest.mark.parametrize("content", [b"", b"this is no model", b"\x08"])
    def test_a_file_that_is_no_model_is_the_candidates_fault(
        self, device: Device, task: Task, content: bytes, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken.onnx"
        broken.write_bytes(content)
        with pytest.raises(CandidateError, match=r"broken\.onnx"):
            run_once(device, replace(task, model=broken))

    def test_a_look_tells_each_model_but_those_that_cannot_be_run(
        self, device: Device, task: Task, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken.onnx"
        broken.write_bytes(b"this is no model")

        async def looked() -> tuple[float | None, ...]:
            async with device as opened:
                if not isinstance(opened, LooksAtSeveral):
                    pytest.skip("it runs one model a process")
                return await opened.look([task, replace(task, model=broken), task])

        first, none, last = asyncio.run(looked())
        assert none is None
        # Both latencies are of the same model, timed in the same process a moment apart.
        assert first is not None
        assert last is not None
        assert 0.2 < first / last < 5

    def test_after_a_failure_it_runs_the_next_task(self, device: Device, task: Task, tmp_path: Path) -> None:
        broken = tmp_path / "broken.onnx"
        broken.write_bytes(b"this is no model")

        async def twice() -> ProcessRun:
            async with device as opened:
                with pytest.raises((CandidateError, RigError)):
                    await opened.run(replace(task, model=broken))
                return await opened.run(task)

        assert asyncio.run(twice()).latencies_s


def run_once(device: Device, task: Task) -> ProcessRun:
    async def once() -> ProcessRun:
        async with device as opened:
            return await opened.run(task)

    return asyncio.run(once())
