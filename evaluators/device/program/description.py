"""Description: the board, its system and the runtime, in the words that become the bench's."""

import importlib.util
import platform
import struct
from typing import Any, Dict, Optional

from evaluators.device.program.answers import PROTOCOL_VERSION, RequestRefused
from evaluators.device.program.board import governor
from evaluators.device.program.macos import SW_VERS, SYSCTL, is_macos, macos_name, tool_output
from evaluators.device.program.runtimes import installed, names, part
from evaluators.device.program.system import read_text, usable_cores


def processor() -> str:
    for line in (read_text("/proc/cpuinfo") or "").splitlines():
        name, _, rest = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware") and rest.strip():
            return rest.strip()
    if is_macos():
        # Else all of Apple's chips are called arm.
        chip = " ".join(tool_output(SYSCTL, "-n", "machdep.cpu.brand_string").split())
        if chip:
            return chip
    return platform.processor() or platform.machine()


def board_model() -> str:
    return read_text("/proc/device-tree/model") or processor()


def memory_total() -> Optional[int]:
    for line in (read_text("/proc/meminfo") or "").splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "MemTotal:" and words[1].isdigit():
            return int(words[1]) * 1024
    size = tool_output(SYSCTL, "-n", "hw.memsize") if is_macos() else ""
    return int(size) if size.isdigit() else None


def system_name() -> str:
    names = {"PRETTY_NAME": macos_name(tool_output(SW_VERS))} if is_macos() else {}
    for line in (read_text("/etc/os-release") or "").splitlines():
        name, _, rest = line.partition("=")
        names[name] = rest.strip('"')
    kernel = "%s %s %s" % (platform.system(), platform.release(), platform.machine())
    return "%s (%s)" % (names["PRETTY_NAME"], kernel) if names.get("PRETTY_NAME") else kernel


def describe() -> Dict[str, Any]:
    import numpy

    here = installed()
    if not here:
        raise RequestRefused("no runtime is installed there; this program has parts for %s" % ", ".join(names()))
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "model": board_model(),
        "cores": len(usable_cores()),
        "system": system_name(),
        "governor": governor() or "",
        # The bench's is the first; every figure names its own.
        "runtime": "%s %s" % here[0],
        "runtimes": ["%s %s" % runtime for runtime in here],
        "providers": part(here[0][0]).providers(),
        "python": platform.python_version(),
        "bits": struct.calcsize("P") * 8,
        "machine": platform.machine(),
        "numpy": numpy.__version__,
        "serial": read_text("/proc/device-tree/serial-number") or platform.node(),
        "memory_bytes": memory_total(),
        "reads_png": importlib.util.find_spec("PIL") is not None,
    }
