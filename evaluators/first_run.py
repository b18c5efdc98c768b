"""First run: a file that somebody brings runs once on this machine, in a process of its own with limits.

What runs it may abort, end by a signal, or ask for memory without an end over a file that is damaged or made for that.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

from evaluators.device.on_board.last_words import signal_name
from evaluators.device.program.answers import ModelError, one_line
from evaluators.device.program.images import predicted_class
from evaluators.measured import Subject
from evaluators.runtimes.runtime import RUNTIMES
from space.data.images import ImageShape
from space.errors import RequestError

# Address space of that process. Python and a runtime take a quarter of it at most; a file that needs more runs on no
# small computer.
_MEMORY_BYTES = 2**32
# From the start of Python to the answer; the largest networks that a Pi runs take a second here.
_LIMIT_S = 60.0
_SHOWN = 300


def check_runs(subject: Subject, shape: ImageShape, limit_s: float = _LIMIT_S) -> None:
    """RequestError where its runtime cannot load it, does not answer to an image of this shape, or dies over it."""
    problem = _problem(subject, shape, limit_s)
    if problem:
        raise RequestError(f"{subject.file} does not run on this machine: {problem}")


def _problem(subject: Subject, shape: ImageShape, limit_s: float) -> str | None:
    runtime = RUNTIMES.get(subject.runtime.runtime)
    request = {
        "part": str(runtime.part),
        "shape": [shape.channels, shape.side, shape.side],
        "model": str(subject.file.resolve()),
        "threads": subject.runtime.threads,
        "spinning": subject.runtime.spinning,
        "graph_optimization": subject.runtime.graph_optimization,
        "mean": subject.mean,
        "std": subject.std,
    }
    # The modules of this process, wherever it found them; no threads of NumPy's own.
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "evaluators.first_run"],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C reaches us alone, and we end it.
            start_new_session=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{runtime.title} has given no answer after {limit_s:g} s"
    if done.returncode < 0:
        return f"{runtime.title} was ended by {signal_name(-done.returncode)} over it"
    try:
        problem: str | None = json.loads(done.stdout)["problem"]
    except (ValueError, KeyError, TypeError):
        return f"{runtime.title} ended over it with status {done.returncode} and no answer"
    return problem


# What follows runs in the process of its own.


def _main() -> None:
    """Memory is limited before a library is loaded; whatever one prints is not the answer."""
    import resource

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS has no such limit.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    json.dump({"problem": _first_run(json.load(sys.stdin))}, answers)
    answers.flush()
    # Straight out, as the on-device program: a runtime's exit handlers have nothing to save.
    os._exit(0)


def _first_run(request: dict[str, Any]) -> str | None:
    import numpy as np

    try:
        runner = _part(request["part"]).load(request, request["shape"])
        (feed,) = runner.feeds(np.zeros((1, *request["shape"]), np.uint8), request)
        predicted_class(runner.logits(runner.run(runner.outputs, feed)))
    except ModelError as error:
        return one_line(error)[:_SHOWN]
    except MemoryError:
        return f"it needs more than {_MEMORY_BYTES / 2**30:g} GiB of memory"
    # What the libraries raise over a damaged file has no type in common.
    except Exception as error:
        return f"{type(error).__name__}: {one_line(error)[:_SHOWN]}"
    return None


def _part(path: str) -> ModuleType:
    """The runtime's part of the on-device program, which loads and runs files here as it does there."""
    spec = importlib.util.spec_from_file_location("part", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    _main()
