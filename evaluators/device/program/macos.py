"""macOS, which has neither /proc nor /sys: its tools and its kernel, asked for the same things."""

import os
import re
import struct
import subprocess
from typing import Optional, Tuple

from evaluators.device.program.system import system_path

# These tools come with every macOS.
SYSCTL, SW_VERS, PMSET = "/usr/sbin/sysctl", "/usr/bin/sw_vers", "/usr/bin/pmset"
MACOS_TOOL_LIMIT_S = 2.0
# From its mach/processor_info.h; mach/machine.h counts user, system, idle and nice, in this order.
PROCESSOR_CPU_LOAD_INFO = 2
CPU_STATES, CPU_STATE_IDLE = 4, 2
# The bit of a Raspberry Pi's firmware that says the same.
CLOCK_CAPPED = 1 << 1


def is_macos() -> bool:
    return os.path.isfile(system_path(SW_VERS))


def tool_output(*words: str) -> str:
    """What a tool of the system says; nothing where it is not there, fails or hangs."""
    command, none = [system_path(words[0]), *words[1:]], subprocess.DEVNULL
    try:
        done = subprocess.run(command, stdin=none, stdout=subprocess.PIPE, stderr=none, timeout=MACOS_TOOL_LIMIT_S)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def therm_bits(text: str) -> Optional[int]:
    """From the output of `pmset -g therm`: whether the processor's speed is limited. Apple's own chips do not tell."""
    limit = re.search(r"CPU_Speed_Limit\s*=\s*([0-9]+)", text)
    if limit is None:
        return None
    return CLOCK_CAPPED if int(limit.group(1)) < 100 else 0


def load_info_ticks(content: bytes, processors: int) -> Optional[int]:
    """How long all processors were busy, in ticks, from what host_processor_info gives: integers of 32 bits."""
    if processors < 1 or len(content) != 4 * CPU_STATES * processors:
        return None
    ticks: Tuple[int, ...] = struct.unpack("=%dI" % (CPU_STATES * processors), content)
    return sum(ticks) - sum(ticks[CPU_STATE_IDLE::CPU_STATES])


def mach_busy_ticks() -> Optional[int]:
    """Asked of macOS's kernel; None where it does not answer as its headers say."""
    import ctypes

    pointer = ctypes.POINTER
    processors, length, info = ctypes.c_uint(), ctypes.c_uint(), pointer(ctypes.c_int)()
    try:
        system = ctypes.CDLL(None)
        system.mach_host_self.restype = ctypes.c_uint
        ask = system.host_processor_info
        ask.argtypes = [
            ctypes.c_uint,
            ctypes.c_int,
            pointer(ctypes.c_uint),
            pointer(pointer(ctypes.c_int)),
            pointer(ctypes.c_uint),
        ]
        places = ctypes.byref(processors), ctypes.byref(info), ctypes.byref(length)
        if ask(system.mach_host_self(), PROCESSOR_CPU_LOAD_INFO, *places) != 0:
            return None
        content = ctypes.string_at(info, 4 * length.value)
        # The kernel gave us these pages.
        system.vm_deallocate.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]
        task = ctypes.c_uint.in_dll(system, "mach_task_self_")
        system.vm_deallocate(task, ctypes.cast(info, ctypes.c_void_p).value, len(content))
    except (OSError, AttributeError, ValueError):
        return None
    return load_info_ticks(content, processors.value)


def macos_name(text: str) -> str:
    """From the output of sw_vers: macOS 14.5."""
    fields = dict(line.partition(":")[::2] for line in text.splitlines())
    return " ".join(fields.get(name, "").strip() for name in ("ProductName", "ProductVersion")).strip()
