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
from evaluators.device.devices.local import LocalDevice
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.on_board.application import packed, sources

# In seconds; the product's own is in evaluators/device/device.py.
LIMIT_S = 0.05
# Of the on-device program: a network is warm after 150 ms.
TIMING = "evaluators/device/program/timing.py"
WARM_UP, SHORT = b"\nWARM_NS = 150000000\n", b"\nWARM_NS = 10000000\n"


@cache
def program() -> Path:
    """The on-device program, with a shorter warm-up."""
    parts = sources()
    assert WARM_UP in parts[TIMING]
    path = Path(mkdtemp(prefix="short")) / "short.pyz"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    path.write_bytes(packed({**parts, TIMING: parts[TIMING].replace(WARM_UP, SHORT)}))
    return path


def shorter() -> dict[str, object]:
    """What is put in whose place, by its full name."""
    return {
        "evaluators.measuring.Task": partial(Task, limit_s=LIMIT_S),
        "evaluators.device.devices.local.LocalDevice": partial(LocalDevice, program=program()),
        "evaluators.device.devices.over_ssh.SshDevice": partial(SshDevice, program=program()),
        # A file that is measured without a reference is timed in ten.
        "evaluators.examiner._PROCESSES_ALONE": 3,
    }
