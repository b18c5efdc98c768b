"""What a GPU has to reach, each figure with its bar beside it, a line each.

    python tests/benchmarks/gpu_check.py PART --data-dir DIR [--work gpu-check] [--accelerator auto] [--quick]

PART is one of these, each of them under five minutes on an H100 or H200:

speed     training against the plain loop of training_speed.py, and what was planned against what was taken
baseline  trains the baseline as the product does; the checkpoint stays in the work folder, described
search    three minutes from that baseline (or --baseline FILE), on a loopback board that answers as late as a Pi
tests     `pytest -m gpu`

DIR holds cifar-10-batches-py. What is measured is a line in the work folder's results.jsonl, and is not measured again:
after an interruption the same command goes on. Exit status 1 where a bar is missed. --quick goes through a part within
a minute or two on any machine, on images that are made up, to see that this script runs; its figures mean nothing.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("speed", "baseline", "search", "tests")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--work", type=Path, default=Path("gpu-check"))
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--baseline", type=Path, help="of the search; without it, what the part baseline left")
    parser.add_argument("--delay", type=float, help="seconds of the search's board before each answer (1)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not options.quick and options.part != "tests":
        folder = options.data_dir
        if folder is None or not (folder / "cifar-10-batches-py").is_dir():
            parser.error(f"--data-dir {folder}: there is no cifar-10-batches-py in it")
    # The root stands in place of this file's folder, whose modules are not meant to be found by their bare names.
    sys.path[0] = str(ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    from tests.benchmarks.gpu.check import Check
    from tests.benchmarks.gpu.parts import figures_of

    check = Check.of(options)
    missed = 0
    for figure in figures_of(options.part, check):
        print(f"{options.part}: {figure.line}", flush=True)
        missed += figure.held is False
    return 1 if missed and not check.quick else 0


if __name__ == "__main__":
    sys.exit(main())
