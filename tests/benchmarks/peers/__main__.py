"""Side by side with peers: same data, machine, minutes, line, baseline, trainer and timing; only what chooses differs.

    python -m tests.benchmarks.peers run ROW... --minutes 27 --min-accuracy 0.7 --seed 0 \
        --data-dir DIR --baseline FILE --results peers.jsonl [--fix runtime=onnxruntime]
    python -m tests.benchmarks.peers table --results peers.jsonl

Rows, carried out one after the other in the order in which they are named:

ours, random, tpe, gp   `python -m search --sampler ...` in our space, for so many minutes
first                   what our search asks for first, each trained as long as its share of the minutes allows
ladder                  the hand-made first networks of commit c202210, trained in the same way
torch-pruning           uniform pruning by Torch-Pruning, its ratio found by bisection on the line, fine-tuned
fastnas                 FastNAS of NVIDIA ModelOpt, its FLOPs found by bisection on the line, fine-tuned

DIR holds cifar-10-batches-py; FILE is a checkpoint of MobileNet-v1 with its JSON beside it. What each row is given is
in docs/peers.md. The rivals' packages are no part of the project; install them into an environment of their own:

    pip install torch-pruning nvidia-modelopt torchprofile==0.0.4

A row that is done is a line of the results file, and is not run again; one that was interrupted goes on from its store,
a folder beside that file. A row that failed has its error in its place, and is tried again when it is next asked for.
"""

import argparse
import os
import sys
import traceback
from pathlib import Path

from tests.benchmarks.peers import fastnas, in_turn, pruned, searches, torch_pruning
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.outcome import confirmed, failed
from tests.benchmarks.peers.results import Results
from tests.benchmarks.peers.row import Row
from tests.benchmarks.peers.table import markdown

ROWS: dict[str, Row] = {
    **{name: searches.row(name) for name in searches.SAMPLERS},
    "first": in_turn.row(in_turn.first),
    "ladder": in_turn.row(in_turn.ladder),
    "torch-pruning": pruned.row(torch_pruning.TORCH_PRUNING),
    "fastnas": pruned.row(fastnas.FASTNAS),
}


def main() -> int:
    # Set before anything loads torch, as the search does it: threads that wait actively make a training step many times
    # as long as soon as somebody else uses a core, and a child inherits the choice.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    chosen = _parser().parse_args()
    results = Results(chosen.results)
    if chosen.command == "table":
        print(markdown(results.lines()))
        return 0
    failures = 0
    for name in chosen.row:
        options = Options.of(name, chosen)
        if not results.has(options.key):
            line = _carried_out(options, results.folder(options.key))
            results.add({**options.key, **line})
            failures += "error" in line
        print(markdown(results.lines()), flush=True)
    return 1 if failures else 0


def _carried_out(options: Options, folder: Path) -> dict[str, object]:
    """What the row came to; an error is part of the table, as a rival that cannot run here is."""
    row = ROWS[options.row]
    try:
        row.check()
        return {**confirmed(options, folder, row.carry_out(options, folder)), "settings": row.settings}
    except Exception as error:
        traceback.print_exc()
        return failed(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="carry rows out that the results file has not yet")
    run.add_argument("row", nargs="+", choices=[*ROWS])
    run.add_argument("--minutes", type=float, required=True, help="of searching and training, confirmation apart")
    run.add_argument("--min-accuracy", type=float, default=0.70, help="a fraction, held on test")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--data-dir", type=Path, required=True)
    run.add_argument("--baseline", type=Path, required=True)
    run.add_argument("--fix", default="", help="as the search's option; the rivals heed runtime and quantization alone")
    table = commands.add_parser("table", help="print what the results file holds")
    for command in (run, table):
        command.add_argument("--results", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
