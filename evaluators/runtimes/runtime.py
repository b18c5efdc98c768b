"""Runtime: what runs a deployed file, here and on boards: its settings, its answers, what it needs, its part there.

A package adds one through the entry point group `ondevice_search.runtimes`: the entry's name is the runtime's, its
object has all that Runtime and Target name.
"""

import platform
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evaluators.runtimes.settings import RuntimeSettings
from space.errors import RequestError
from space.formats.format import FORMATS, Format
from space.formats.names import DEFAULT_RUNTIME
from space.formats.target import TARGETS, Target
from space.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    # Where torch runs.
    Accelerator = torch.device


@dataclass(frozen=True, slots=True)
class Answered:
    """The class said for each image, and who said so."""

    predictions: "NDArray[np.int64]"
    engine: str


@dataclass(frozen=True, slots=True)
class Release:
    """What pip installs on a board for one release of a runtime, its own distribution first, and what it is called."""

    requirements: tuple[str, ...]
    title: str

    @property
    def distribution(self) -> str:
        """What pip calls it, without a version."""
        return re.split("[=<>!~ ]", self.requirements[0], maxsplit=1)[0]

    def __str__(self) -> str:
        return self.title


def quiet(share: float) -> None:
    return None


class Runtime(Target, Protocol):
    """Describing itself takes no library; one is imported by who has a file run here."""

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        ...

    @property
    def distributions(self) -> tuple[str, ...]:
        """The distributions that a board may have it from: that one, and what it was called before."""
        ...

    @property
    def module(self) -> str:
        """What Python imports."""
        ...

    # --- on this machine

    @property
    def published_for(self) -> tuple[str, ...]:
        """Systems that pip finds it for, each as `sys.platform` and `platform.machine()` say: "linux aarch64"; none
        where it is published for all."""
        ...

    def answers(
        self, path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None], device: "Accelerator | None"
    ) -> Answered:
        """The answers, by torch on a GPU where that answers the same; `device` names another place for torch to run."""
        ...

    def predictions(self, path: Path, pixels: "NDArray[np.uint8]") -> "NDArray[np.int64]":
        """Its own answers, one image at a time as on the device. CandidateError where the file does not run."""
        ...

    # --- its settings

    def tried(self, threads: int) -> Sequence[RuntimeSettings]:
        """The settings among which the unpruned network finds its best, on a device worth so many threads."""
        ...

    def tuned(self, threads: int) -> Sequence[RuntimeSettings]:
        """The settings at which a leader is timed too."""
        ...

    @property
    def call(self) -> str:
        """What is timed, as a person writes it."""
        ...

    @property
    def course_call(self) -> str:
        """What the course's script times."""
        ...

    # --- on boards

    @property
    def part(self) -> Path:
        """The source of its part of the on-device program (evaluators/device/program/runtimes.py says what that is)."""
        ...

    @property
    def script(self) -> Path:
        """A module that runs a submission's model for `search/export/run_on_pi.py`, on Python 3.7 and newer: CALL, what
        is timed in words, and a class Model of the file, with run, feed(image) and logits(answer)."""
        ...

    @property
    def probe(self) -> Path:
        """A script that runs one convolution, to see that the runtime fits a processor."""
        ...

    @property
    def room_kb(self) -> int:
        """What it takes of the board's disk: an environment with it, the wheels it is made from, and pip's copies, with
        room to spare."""
        ...

    @property
    def oldest_python(self) -> tuple[int, int]:
        """The oldest Python for which there is a release."""
        ...

    def releases(self, python: tuple[int, int]) -> Sequence[Release]:
        """The releases for a board's Python, the best first; what follows is for systems that it does not fit."""
        ...

    def usable(self, version: str) -> bool:
        """False for a version that is known not to run on boards."""
        ...


# Their order is that of preference, where several would do.
RUNTIMES: Registry[Runtime] = Registry(
    TARGETS.noun,
    TARGETS.group,
    {
        DEFAULT_RUNTIME: "evaluators.runtimes.onnx_runtime.runtime:ONNX_RUNTIME",
        "litert": "evaluators.runtimes.litert.runtime:LITERT",
    },
)


def runtimes() -> tuple[Runtime, ...]:
    """All runtimes that are known, installed or not."""
    return tuple(RUNTIMES.get(name) for name in RUNTIMES.names())


def format_of_runtime(name: str) -> Format:
    return FORMATS.get(RUNTIMES.get(name).format)


def runtime_of_file(path: Path) -> Runtime:
    """The first that takes a file of this ending."""
    known = runtimes()
    for runtime in known:
        if FORMATS.get(runtime.format).suffix == path.suffix:
            return runtime
    titles: dict[str, list[str]] = {}
    for runtime in known:
        titles.setdefault(FORMATS.get(runtime.format).suffix, []).append(runtime.title)
    endings = ", ".join(f"{suffix} ({', '.join(those)})" for suffix, those in titles.items())
    raise RequestError(f"{path}: no runtime is known that takes a file of this ending; known are {endings}")


def version_here(runtime: Runtime) -> str | None:
    """The version that its distribution names; None where it is not installed on this machine."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(runtime.distribution)
    except PackageNotFoundError:
        return None


def published_here(runtime: Runtime) -> bool:
    return not runtime.published_for or _system() in runtime.published_for


def remedy_here(runtime: Runtime) -> str:
    """What to do where it is not installed on this machine, or why nothing can be done."""
    if published_here(runtime):
        return f"pip install {runtime.distribution}"
    return f"no wheel of {runtime.distribution} is published for {_system()}"


def _system() -> str:
    return f"{sys.platform} {platform.machine()}"


def runtimes_for_boards() -> tuple[Runtime, ...]:
    """The runtimes of this machine, as a search takes what both sides have; the default one where it has none."""
    installed = tuple(runtime for runtime in runtimes() if version_here(runtime))
    return installed or (RUNTIMES.get(DEFAULT_RUNTIME),)
