"""Macs as their tools answer: a folder in place of /, for $SEARCH_SYSROOT, and a kernel that counts its ticks.

The answers are copied from what people published of their Macs; the one with a lowered clock is an Intel Mac's. No Mac
was there to try any of it on.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.evaluators.device.boards import write, write_tool

# `pmset -g therm`. The first line of an Intel Mac's, with the time, goes to standard error.
NOT_TOLD = (
    "Note: No thermal warning level has been recorded\n"
    "Note: No performance warning level has been recorded\n"
    "Note: No CPU power status has been recorded"
)
INTEL_LIMITS = (
    "Note: No thermal warning level has been recorded\n"
    "Note: No performance warning level has been recorded\n"
    "2021-03-05 11:02:23 +0100 \tCPU_Scheduler_Limit \t= 100\n"
    "\tCPU_Available_CPUs \t= 12\n"
    "\tCPU_Speed_Limit \t= {limit}"
)


@dataclass(frozen=True)
class Mac:
    # `sysctl -n machdep.cpu.brand_string`, and `sysctl -n hw.memsize`.
    chip: str
    memory_bytes: str
    # `sw_vers`.
    version: str
    therm: str = NOT_TOLD


MACS = {
    "M1": Mac("Apple M1", "8589934592", "ProductName:\tmacOS\nProductVersion:\t12.6\nBuildVersion:\t21G115"),
    "M2 Pro": Mac(
        "Apple M2 Pro", "17179869184", "ProductName:\t\tmacOS\nProductVersion:\t\t14.5\nBuildVersion:\t\t23F79"
    ),
    "Intel": Mac(
        "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz",
        "17179869184",
        "ProductName:\tMac OS X\nProductVersion:\t10.15.7\nBuildVersion:\t19H2",
        INTEL_LIMITS.format(limit=100),
    ),
}


def write_mac(root: Path, mac: Mac) -> None:
    for name, text in (("brand", mac.chip), ("memory", mac.memory_bytes), ("version", mac.version), ("t", mac.therm)):
        write(root, f"answers/{name}", text)
    # Shells and their tools are this machine's; what they print is the Mac's.
    write_tool(
        root,
        "usr/sbin/sysctl",
        'test "$1" = -n || exit 1\n'
        'case "$2" in\n'
        f"machdep.cpu.brand_string) cat '{root}/answers/brand';;\n"
        f"hw.memsize) cat '{root}/answers/memory';;\n"
        '*) echo "sysctl: unknown oid" >&2; exit 1;;\n'
        "esac\n",
    )
    write_tool(root, "usr/bin/sw_vers", f"cat '{root}/answers/version'\n")
    write_tool(root, "usr/bin/pmset", f"test \"$*\" = '-g therm' && cat '{root}/answers/t'\n")


# The part of macOS's kernel that is asked for ticks, with the types of its headers: natural_t and mach_port_t are
# unsigned int, integer_t is int. FROZEN: it counts nothing. REFUSED: it does not answer. Else two processors are busy
# all the time, a hundred ticks a second.
MACH = r"""
#include <stdlib.h>
#include <time.h>
unsigned int mach_task_self_ = 259;
unsigned int mach_host_self(void) { return 2563; }
int host_processor_info(unsigned int host, int flavor, unsigned int *processors, int **info, unsigned int *length) {
    struct timespec now;
    if (host != 2563 || flavor != 2) return 4;
#ifdef REFUSED
    return 5;
#endif
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned int ticks = 100 * now.tv_sec + now.tv_nsec / 10000000;
#ifdef FROZEN
    ticks = 7;
#endif
    unsigned int *counts = malloc(8 * sizeof(unsigned int));
    for (int cpu = 0; cpu < 2; cpu++) {
        counts[4 * cpu] = ticks / 2;
        counts[4 * cpu + 1] = ticks - ticks / 2 - 3;
        counts[4 * cpu + 2] = 4000000000u;
        counts[4 * cpu + 3] = 3;
    }
    *processors = 2; *info = (int *)counts; *length = 8;
    return 0;
}
int vm_deallocate(unsigned int task, unsigned long address, unsigned long size) {
    if (task != 259 || size != 32) abort();
    free((void *)address);
    return 0;
}
"""


def build_mach(folder: Path, *kinds: str) -> Path:
    """A library to be loaded before all others."""
    source, library = folder / "mach.c", folder / f"mach{'-'.join(kinds)}.so"
    source.write_text(MACH)
    flags = [f"-D{kind}" for kind in kinds]
    subprocess.run(["cc", "-shared", "-fPIC", *flags, "-o", str(library), str(source)], check=True)
    return library
