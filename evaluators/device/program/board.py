"""The state of the board: temperature, clock, governor, load and throttling, read without starting a process."""

import os
from typing import Any, Dict, List, Optional

from evaluators.device.program.macos import is_macos
from evaluators.device.program.system import read_number, read_text, usable_cores
from evaluators.device.program.throttling import throttled_bits


def clock_hz() -> Optional[float]:
    """The fastest core's: the others may be asleep while one is timed."""
    clocks = []
    for core in usable_cores():
        khz = read_number("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq" % core)
        if khz is not None:
            clocks.append(khz * 1000)
    return max(clocks) if clocks else None


def temperature_c() -> Optional[float]:
    zones = ["/sys/class/thermal/thermal_zone%d" % number for number in range(16)]
    for zone in zones:
        kind = read_text(zone + "/type") or ""
        if "cpu" in kind or "pkg" in kind or "soc" in kind:
            return read_number(zone + "/temp", 1e-3)
    return read_number(zones[0] + "/temp", 1e-3)


def governor() -> Optional[str]:
    return read_text("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor" % usable_cores()[0])


def load_average() -> Optional[float]:
    if is_macos():
        return os.getloadavg()[0]
    try:
        return float((read_text("/proc/loadavg") or "").split()[0])
    except (IndexError, ValueError):
        return None


def board_state(may_start_a_process: bool) -> Dict[str, Any]:
    return {
        "temperature_c": temperature_c(),
        "clock_hz": clock_hz(),
        "governor": governor(),
        "load": load_average(),
        "throttled": throttled_bits(may_start_a_process),
    }


def known(*values: Any) -> List[Any]:
    return [value for value in values if value is not None]


def worse(one: Dict[str, Any], other: Dict[str, Any]) -> Dict[str, Any]:
    """Hottest, slowest clock, every throttle bit, highest load of both."""
    bits = known(one["throttled"], other["throttled"])
    return {
        "temperature_c": max(known(one["temperature_c"], other["temperature_c"]), default=None),
        "clock_hz": min(known(one["clock_hz"], other["clock_hz"]), default=None),
        "load": max(known(one["load"], other["load"]), default=None),
        "throttled": bits[0] | bits[-1] if bits else None,
    }
