"""Runtimes: what loads and runs a model: a part of the program for each, by the name that a request gives.

A part is a module on its own, of whoever brings the runtime (evaluators/runtimes/); the host puts its source into this
program as `parts/NAME.py`, and its name into NAMES of `parts/__init__.py`. It has

    TITLE                           what a person calls the runtime
    version() -> str                imports its library: ImportError where that is not installed
    providers() -> List[str]        what it can compute on
    load(request, shape) -> Runner  of request["model"], which takes one image of this shape (channels, height, width);
                                    ModelError where it does not
"""

import importlib
import os
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from evaluators.device.program.answers import ModelError, RequestRefused, one_line
from evaluators.device.program.runner import Runner

PARTS = "evaluators.device.program.parts"


def names() -> Sequence[str]:
    known: Sequence[str] = importlib.import_module(PARTS).NAMES
    return known


def part(name: str) -> Any:
    if name not in names():
        raise RequestRefused("runtime %r is not one that this program has: %s" % (name, ", ".join(names())))
    return importlib.import_module("%s.%s" % (PARTS, name))


def installed() -> List[Tuple[str, str]]:
    """Name and version of those whose library is here, in the order of preference."""
    here = []
    for name in names():
        # One that is broken raises what it likes, and is no reason to do without the others.
        with suppress(Exception):
            here.append((name, part(name).version()))
    return here


def framework(name: str) -> str:
    """The runtime with its version, as the bench and every figure name it."""
    return "%s %s" % (name, part(name).version())


def loaded(request: Dict[str, Any], shape: Sequence[int]) -> Runner:
    if not os.path.isfile(request["model"]):
        # Lost on the way here: not what the recipe asked for.
        raise RequestRefused("no model file at %s" % request["model"])
    runner: Runner = part(request["runtime"]).load(request, shape)
    return runner


@contextmanager
def faults_of_the_model(runner: Runner) -> Iterator[None]:
    """Only the runtime's own failures are the model's: anything else is a bug or the board."""
    try:
        yield
    except (MemoryError, ModelError):
        raise
    except Exception as error:
        if runner.blames_the_model(error):
            raise ModelError("%s cannot run it: %s" % (runner.title, one_line(error))) from None
        raise
