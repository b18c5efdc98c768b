"""Instructions per inference on emulated cores of boards: every runtime, every kind of file.

    python -m tests.benchmarks.instructions [FILE...] [--core cortex-a53] [--runs 20] [--json FILE]

Without files, for the unpruned network and for one of those that win. `work` is from the image as bytes to the logits,
as the on-device program times it; `course` is what the course times. Each is the median of the runs; every inference is
counted by itself, without Python's start, imports and loading. These are no times, and are ranked beside none; what
they are is said in docs/emulated.md. The first use fetches a Debian for aarch64, and $SEARCH_EMULATED names the folder
where it stays.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from evaluators.device.device import Task
from evaluators.runtimes.runtime import RUNTIMES, Runtime, format_of_runtime, version_here
from evaluators.runtimes.settings import RuntimeSettings
from space.errors import CandidateError, RequestError
from space.recipe import Recipe
from tests.emulated.board import Emulator, emulator
from tests.emulated.cores import CORES, Core
from tests.emulated.counting import Counted, Counter, CountingError, counter
from tests.emulated.folder import UnavailableError
from tests.emulated.networks import NETWORKS, written
from tests.space.few_images import MEAN, PIXELS, STD

# The shape of the images which networks of ours take; a file may leave its own open.
SHAPE = PIXELS.shape[1:]


@dataclass(frozen=True)
class Subject:
    """A file to be counted."""

    title: str
    quantization: str
    runtime: Runtime
    path: Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--core", choices=[core.name for core in CORES], help="one of them alone")
    parser.add_argument("--runs", type=int, default=20, help="inferences that are counted, 20")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the counts as JSON, too")
    options = parser.parse_args()
    cores = [core for core in CORES if options.core in (None, core.name)]
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        try:
            emulated = emulator()
            counting = counter(emulated, cores[0], scratch)
            subjects = [*files(options.files)] if options.files else [*ours(scratch)]
            rows = list(counts(emulated, counting, subjects, cores, options.runs, scratch))
        except (UnavailableError, RequestError, CandidateError, CountingError) as error:
            print(error, file=sys.stderr)
            return 2
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def files(paths: Sequence[Path]) -> Iterator[Subject]:
    """The files of each network, one for every runtime that takes it."""
    for path in paths:
        taking = [kind for kind in map(RUNTIMES.get, RUNTIMES.names()) if suffix(kind) == path.suffix]
        if not taking or not path.is_file():
            raise RequestError(f"{path} is no file that a runtime takes: {', '.join(map(suffix, known()))}")
        for kind in taking:
            recipe = format_of_runtime(kind.name).read_metadata(path).get("recipe")
            yield Subject(path.name, Recipe.from_json(recipe).quantization if recipe else "", kind, path.absolute())


def ours(folder: Path) -> Iterator[Subject]:
    for kind in known():
        for title, recipe in NETWORKS.items():
            for quantization in format_of_runtime(kind.name).quantizations:
                yield Subject(title, quantization, kind, written(recipe, kind.name, quantization, folder))


def known() -> list[Runtime]:
    return [RUNTIMES.get(name) for name in RUNTIMES.names()]


def suffix(runtime: Runtime) -> str:
    return format_of_runtime(runtime.name).suffix


def counts(
    emulated: Emulator, counting: Counter, subjects: Sequence[Subject], cores: Sequence[Core], runs: int, scratch: Path
) -> Iterator[dict[str, object]]:
    """A row for each, printed as soon as it is known."""
    print(f"{'core':11} {'runtime':13} {'quantization':13} {'network':26} {'work':>12} {'course':>12}  course times")
    lacking = set()
    for subject in subjects:
        kind = subject.runtime
        try:
            site = emulated.site_of(kind)
        except UnavailableError as error:
            lacking.add(str(error))
            continue
        for core in cores:
            counted = counting.count(core, [site], task_of(subject, scratch), runs, scratch)
            figures = f"{counted.work.median:12,} {counted.course.median:12,}  {kind.course_call}"
            print(f"{core.name:11} {kind.title:13} {subject.quantization:13} {subject.title:26} {figures}", flush=True)
            yield row(subject, core, counted, runs)
    for reason in sorted(lacking):
        print(reason, file=sys.stderr)


def task_of(subject: Subject, scratch: Path) -> Task:
    described = format_of_runtime(subject.runtime.name).image_input(subject.path)
    shape = described.shape and (described.shape.channels, described.shape.side, described.shape.side)
    images = scratch / "images.npy"
    if shape in (None, SHAPE):
        np.save(images, PIXELS)
    else:
        np.save(images, np.random.default_rng(0).integers(0, 256, (len(PIXELS), *shape), dtype=np.uint8))
    normalised = {} if described.raw else {"mean": MEAN, "std": STD}
    return Task(model=subject.path, images=images, runtime=RuntimeSettings(runtime=subject.runtime.name), **normalised)


def row(subject: Subject, core: Core, counted: Counted, runs: int) -> dict[str, object]:
    kind = subject.runtime
    return {
        "core": core.name,
        "runtime": kind.name,
        "version": version_here(kind),
        "network": subject.title,
        "quantization": subject.quantization,
        "runs": runs,
        "work": asdict(counted.work),
        "course_call": kind.course_call,
        "course": asdict(counted.course),
    }


if __name__ == "__main__":
    sys.exit(main())
