"""Boards as their files tell: a folder in place of /, for $SEARCH_SYSROOT."""

import os
from pathlib import Path

TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


def write(root: Path, name: str, content: str) -> None:
    """Writes the file whole at once: the program may be reading."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(content + "\n")
    beside.replace(path)


def write_board(root: Path, throttled: int = 0) -> None:
    """A Raspberry Pi 3B+."""
    write(root, "proc/device-tree/model", "Raspberry Pi 3 Model B Plus Rev 1.3\0")
    write(root, "proc/device-tree/serial-number", "00000000abcdef01\0")
    write(root, "proc/loadavg", "0.50 0.40 0.30 1/100 999")
    write(root, "proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n" + "".join(f"cpu{n} 0 0 0 0 0 0 0 0 0 0\n" for n in range(64)))
    write(root, "sys/class/thermal/thermal_zone0/type", "cpu-thermal")
    write(root, TEMPERATURE, "61200")
    write(root, THROTTLED, f"{throttled:x}")
    for core in range(os.cpu_count() or 1):
        write(root, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor", "ondemand")
        write(root, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", "1200000")


def write_process(root: Path, number: int, name: str, ticks: int, began: int = 100) -> None:
    """A process that has used so many ticks of CPU time, two thirds of them as user."""
    system = ticks // 3
    write(root, f"proc/{number}/stat", f"{number} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {ticks - system} {system} "
          f"9999 9999 20 0 1 0 {began} 0 0")  # fmt: skip


def write_tool(root: Path, name: str, body: str) -> None:
    """A shell script that may be run."""
    write(root, name, "#!/bin/sh\n" + body)
    (root / name).chmod(0o755)
