"""What shortens the timing of a network, for tests that do not ask how exact its figures are.

A process that times a network costs a second of the processor: most of it is spent on the width of an interval. Every
part stays the real one.
"""

import atexit
import shutil
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp

from evaluators.device.device import Task
from evaluators.device.local import LocalDevice
from evaluators.device.protocol import PROGRAM
from evaluators.device.raspberry import SshDevice

# In seconds; the product's own is in evaluators/device/device.py.
LIMIT_S = 0.05
# Of the on-device program: a network is warm after 150 ms.
WARM_UP, SHORT = "\nWARM_NS = 150000000\n", "\nWARM_NS = 10000000\n"


@cache
def program() -> Path:
    """The on-device program, with a shorter warm-up."""
    text = PROGRAM.read_text()
    assert WARM_UP in text
    path = Path(mkdtemp(prefix="short")) / PROGRAM.name
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    path.write_text(text.replace(WARM_UP, SHORT))
    return path


def shorter() -> dict[str, object]:
    """What is put in whose place, by its full name."""
    return {
        "evaluators.evaluate.Task": partial(Task, limit_s=LIMIT_S),
        "evaluators.device.local.LocalDevice": partial(LocalDevice, program=program()),
        "evaluators.device.raspberry.SshDevice": partial(SshDevice, program=program()),
        # A file that is measured without a reference is timed in ten.
        "evaluators.evaluate._PROCESSES_ALONE": 3,
    }
