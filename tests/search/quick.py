"""`python -m tests.search.quick`: the search as a user starts it, with less to time in every process.

A process that times a network costs a second of the processor, and a run starts a dozen. What these tests ask of a run
(what is kept, said, and done again) does not depend on how exact its figures are, so they take a tenth of that. Every
part is the real one; tests/search/conftest.py runs `python -m search` itself, at its full length.
"""

import sys
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

# In seconds; the product's own is in evaluators/device/device.py.
LIMIT_S = 0.05
# Of the on-device program: a network is warm after 150 ms.
WARM_UP, SHORT = "\nWARM_NS = 150000000\n", "\nWARM_NS = 10000000\n"


@cache
def program() -> Path:
    """The on-device program, with a shorter warm-up."""
    from evaluators.device.protocol import PROGRAM

    text = PROGRAM.read_text()
    assert WARM_UP in text
    path = Path(mkdtemp(prefix="quick")) / PROGRAM.name
    path.write_text(text.replace(WARM_UP, SHORT))
    return path


def changes() -> dict[str, object]:
    """What is put in whose place, by its full name."""
    from evaluators.device.device import Task
    from evaluators.device.local import LocalDevice
    from evaluators.device.raspberry import SshDevice

    return {
        "evaluators.evaluate.Task": partial(Task, limit_s=LIMIT_S),
        "evaluators.device.local.LocalDevice": partial(LocalDevice, program=program()),
        "evaluators.device.raspberry.SshDevice": partial(SshDevice, program=program()),
        # A file that is measured without a reference is timed in ten.
        "evaluators.evaluate._PROCESSES_ALONE": 3,
        # The reference is timed at each number of threads, on a machine of four cores in seven ways.
        "search.rig.MOST_THREADS": 2,
    }


def main() -> int:
    from search.__main__ import main as search

    for name, value in changes().items():
        module, _, attribute = name.rpartition(".")
        setattr(import_module(module), attribute, value)
    return search()


# The builder's child imports this module as well: nothing is loaded before this line.
if __name__ == "__main__":
    sys.exit(main())
