"""The runtimes that there are, and one that a package brings: what each owes, here and on a board over ssh."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from evaluators.device.device import Device
from evaluators.device.on_board import application
from evaluators.runtimes.runtime import Runtime, runtime_of_file
from space.errors import RequestError
from space.formats import target
from space.networks.mobilenet_v1.network import MobileNetV1
from tests.contracts.runtime import RuntimeContract
from tests.evaluators.device import short
from tests.packages.installed import PACKAGE, installed


class TestOnnxRuntime(RuntimeContract):
    name = "onnxruntime"


class TestLiteRt(RuntimeContract):
    name = "litert"

    def test_what_the_course_times_is_told_beside_the_latency(
        self, runtime: Runtime, device: Device, model: MobileNetV1, tmp_path: Path
    ) -> None:
        """The course times less of the same work, so that it takes no more, as far as a busy machine's noise goes."""
        task = replace(self.task(runtime, self.file(model, tmp_path), tmp_path), passes=0, limit_s=0.05)
        _, (run,) = asyncio.run(self.ran(runtime, device, [task]))
        assert run.course_s is not None
        assert 0 < run.course_s < 2 * median(run.latencies_s)


@pytest.fixture(scope="class")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package, installed for this process and for those that it starts; the program that runs on boards is made
    anew."""
    place = tmp_path_factory.mktemp("package")
    caches = (application.content, short.program, target.target, target.format_for, target.title_of)
    with installed(place), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(place), str(PACKAGE), str(Path.cwd())]))
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("package")
class TestOneOfAnotherPackage(RuntimeContract):
    name = "second_runtime"

    def test_a_file_that_none_takes_is_told_which_endings_there_are(self) -> None:
        with pytest.raises(
            RequestError, match=r"known are \.onnx \(ONNX Runtime, Second Runtime\), \.tflite \(LiteRT\)$"
        ):
            runtime_of_file(Path("model.bin"))
