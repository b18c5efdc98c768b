"""Rig: the device of this run, opened, with its reference; what the main thread asks of the board's worker."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.bench import Bench
from evaluators.device.choose import open_device
from evaluators.device.device import ProcessRun, Progress, RuntimeSettings
from evaluators.evaluate import Examiner, Measured, Race, Subject
from search.worker import Worker
from space.candidate import Candidate
from space.dimensions import MOST_THREADS
from space.files import written_whole
from space.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Rig:
    worker: Worker
    examiner: Examiner

    @property
    def bench(self) -> Bench:
        return self.examiner.bench

    @property
    def cores(self) -> int:
        return self.examiner.device.info.cores

    @property
    def least_w(self) -> float:
        """No board takes less than when it is idle."""
        return self.examiner.power.idle_w

    @property
    def on_this_machine(self) -> bool:
        return self.examiner.device.info.on_this_machine

    def measure(self, candidate: Candidate, race: Race, progress: Progress) -> Future[Measured]:
        return self.worker.submit(self.examiner.measure, subject_of(candidate), race, progress)

    def runtimes(self) -> list[RuntimeSettings]:
        """Every number of threads, with spinning and without."""
        return [
            RuntimeSettings(threads=threads, spinning=spinning)
            for threads in range(1, min(self.cores, MOST_THREADS) + 1)
            for spinning in ((False, True) if threads > 1 else (False,))
        ]

    def use_reference(self, candidate: Candidate, earlier: Sequence[ProcessRun], progress: Progress) -> Measured:
        """`earlier` runs of it tell how much processes differ on this bench."""
        self.examiner.reference = subject_of(candidate)
        self.examiner.reference_runs = list(earlier)
        return self.worker.submit(self.examiner.measure_reference, progress).result()

    def confirm(self, candidate: Candidate, images: Path, progress: Progress) -> Measured:
        return self.worker.submit(self.examiner.confirm, subject_of(candidate), images, progress).result()


@contextmanager
def open_rig(device: str, images: Path) -> Iterator[Rig]:
    """The device logged in, and known to answer, before anything is trained."""
    examiner = Examiner(open_device(device), images)
    with Worker() as worker:
        worker.submit(examiner.open).result()
        try:
            yield Rig(worker, examiner)
        finally:
            worker.submit(examiner.close).result()


def runtime_of(recipe: Recipe) -> RuntimeSettings:
    return RuntimeSettings(
        threads=recipe.threads, spinning=recipe.spinning, graph_optimization=recipe.graph_optimization
    )


def subject_of(candidate: Candidate) -> Subject:
    return Subject(candidate.recipe.id, candidate.onnx, runtime_of(candidate.recipe))


def at_runtime(recipe: Recipe, runtime: RuntimeSettings) -> Recipe:
    return replace(
        recipe,
        threads=runtime.threads,
        spinning=runtime.spinning,
        graph_optimization=runtime.graph_optimization,
    )


def save_images(path: Path, pixels: "NDArray[np.uint8]") -> Path:
    """As one array: what a device takes."""
    import numpy as np

    if not path.exists():
        with written_whole(path) as beside, beside.open("wb") as file:
            np.save(file, pixels)
    return path
