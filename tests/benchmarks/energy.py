"""How often the interval of an energy holds, load by load and meter by meter, in simulated time; how wide it is.

    python -m tests.benchmarks.energy [--runs 100]

Bars: 90 % of the intervals hold the true joules, and they are at most twice as wide as who knew how such figures
scatter would need; of lingering noise, which no meter here has, the first bar does not count.
"""

import argparse
import statistics
import sys

from tests.evaluators.power.test_energy import LOADS, METERS, runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    count = parser.parse_args().runs
    missed = 0
    for meter in METERS:
        for name, load in LOADS.items():
            results = runs(name, meter, count)
            held = sum(result.total_low_j <= true_j <= result.total_high_j for true_j, result in results)
            width = statistics.mean((result.total_high_j - result.total_low_j) / true_j for true_j, result in results)
            ideal = 2 * 1.96 * statistics.stdev(result.total_j / true_j for true_j, result in results)
            above_idle_j = (load.active_w - load.idle_w) * 0.0015
            dynamic = sum(result.dynamic_low_j <= above_idle_j <= result.dynamic_high_j for _, result in results)
            bad = "lingering" not in meter and (held < 0.9 * count or width > 2 * ideal)
            bad |= name == "steady" and dynamic < 0.9 * count
            missed += bad
            print(
                f"{meter:23}  {name:11}  {held} of {count} hold, {width / ideal:.2f} x as wide as they must be"
                + (f", above idle {dynamic}" if name == "steady" else "")
                + ("  MISSED" if bad else ""),
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
