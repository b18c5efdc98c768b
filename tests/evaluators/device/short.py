"""What shortens the timing of a network, for tests that do not ask how exact its figures are.

A process that times a network costs a second of the processor: most of it is spent on the width of an interval. Every
part stays the real one. The contract of devices (tests/contracts/device.py) holds for the program at its full length.
"""

import atexit
import shutil
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from evaluators.device.device import Task
from evaluators.device.devices.local import LocalDevice
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.on_board.application import packed, sources

# The limit in seconds; the product's own is in evaluators/device/device.py.
LIMIT_S = 0.05
# The module of the on-device program that says when a network is warm: after 150 ms.
TIMING = "evaluators/device/program/timing.py"
WARM_UP, SHORT = b"\nWARM_NS = 150000000\n", b"\nWARM_NS = 10000000\n"


@cache
def program() -> Path:
    """The on-device program, with a shorter warm-up."""
    folder = Path(mkdtemp(prefix="short"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # The folder is named as the real one's: by it tests find the program among the processes.
    path = folder / "program" / "short.pyz"
    path.parent.mkdir()
    path.write_bytes(packed(parts()))
    return path


def parts() -> dict[str, bytes]:
    """The program's modules, by their names in the zip."""
    whole = sources()
    assert WARM_UP in whole[TIMING]
    return {**whole, TIMING: whole[TIMING].replace(WARM_UP, SHORT)}


def local(**changes: Any) -> LocalDevice:
    """This machine as a device; it waits for nobody else who tests on it."""
    return LocalDevice(**{"lock": "", "program": program(), **changes})


def shorter() -> dict[str, object]:
    """What is put in whose place, by its full name."""
    return {
        "evaluators.measuring.Task": partial(Task, limit_s=LIMIT_S),
        "evaluators.device.devices.local.LocalDevice": partial(LocalDevice, program=program()),
        "evaluators.device.devices.over_ssh.SshDevice": partial(SshDevice, program=program()),
        # A file that is measured without a reference is timed in ten.
        "evaluators.examiner._PROCESSES_ALONE": 3,
    }
