"""Neighbours: what the cores did beside us, and the process that used most of them."""

import os
import pwd
from typing import Dict, Optional, Tuple

from evaluators.device.program.macos import is_macos, mach_busy_ticks
from evaluators.device.program.system import read_text, system_path, usable_cores

# A process that used fewer cores than this is not worth naming.
NEIGHBOUR_CORES = 0.05
# What names a process as long as it lives: its number, and when it began, in ticks since boot.
Process = Tuple[int, int]


def processes() -> Dict[Process, Tuple[float, str]]:
    """Seconds of CPU time so far and the name of each process but this one, as far as the system shows them."""
    seen = {}
    tick = os.sysconf("SC_CLK_TCK")
    try:
        numbers = [int(name) for name in os.listdir(system_path("/proc")) if name.isdigit()]
    except OSError:
        return {}
    for number in numbers:
        # The name is in brackets, and may contain any.
        head, _, rest = (read_text("/proc/%d/stat" % number) or "").rpartition(")")
        fields = rest.split()
        try:
            # proc(5): fields 14, 15 and 22; the third is the first after the name.
            user, system, began = int(fields[11]), int(fields[12]), int(fields[19])
        except (ValueError, IndexError):
            continue
        if number != os.getpid():
            seen[number, began] = (user + system) / tick, head.partition("(")[2]
    return seen


def user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def busiest_neighbour(
    before: Dict[Process, Tuple[float, str]], after: Dict[Process, Tuple[float, str]], wall_s: float
) -> Optional[str]:
    """Who used most CPU time in between: name (pid, user); None if nobody used much."""
    used = 0.0
    process: Optional[Process] = None
    for candidate in after:
        spent = after[candidate][0] - before.get(candidate, (0.0, ""))[0]
        if spent > used:
            used, process = spent, candidate
    if process is None or used <= NEIGHBOUR_CORES * wall_s:
        return None
    try:
        owner = user_name(os.stat(system_path("/proc/%d" % process[0])).st_uid)
    except OSError:
        owner = "gone"
    return "%s (pid %d, %s)" % (after[process][1], process[0], owner)


def cpu_ticks() -> Optional[Tuple[float, float]]:
    """(busy, stolen) seconds of the cores this process may use, since boot; None when the system does not say."""
    text = read_text("/proc/stat")
    if text is None:
        busy_ticks = mach_busy_ticks() if is_macos() else None
        return None if busy_ticks is None else (busy_ticks / float(os.sysconf("SC_CLK_TCK")), 0.0)
    mine = {"cpu%d" % core for core in usable_cores()}
    busy = stolen = 0
    counted = False
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in mine:
            try:
                # user nice system idle iowait irq softirq steal; guest time is already inside user.
                ticks = [int(word) for word in words[1:9]]
                busy += ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
                stolen += ticks[7] if len(ticks) > 7 else 0
                counted = True
            except (ValueError, IndexError):
                return None
    tick = os.sysconf("SC_CLK_TCK")
    return (busy / tick, stolen / tick) if counted else None
