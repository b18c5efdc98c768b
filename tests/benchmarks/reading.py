"""How much of the processor the reading commands take: `--help`, and `rank` and `status` of a thousand rows.

    python -m tests.benchmarks.reading [--runs 7]

Prints the median and the range. The bars: 0.3 s for the help, 0.35 s for a thousand rows.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.search.made_up import distinct, evaluation, store_with

ROWS = 1000
BARS_S = {"--help": 0.3, "rank": 0.35, "status": 0.35}


def processor_s(words: list[str]) -> float:
    process = subprocess.Popen([sys.executable, "-m", "search", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    held = True
    with TemporaryDirectory() as folder:
        store_with(Path(folder), [evaluation(seed, made=made) for seed, made in enumerate(distinct(ROWS))])
        for command, bar_s in BARS_S.items():
            words = [command] if command == "--help" else [command, "--store", folder]
            seconds = [processor_s(words) for _ in range(options.runs)]
            median = statistics.median(seconds)
            held &= median <= bar_s
            print(f"{command:7} {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), at most {bar_s} s")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
