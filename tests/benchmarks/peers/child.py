"""Child: a command of the product, in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from search.commands.exit_status import NONE_FEASIBLE, OK
from tests.benchmarks.peers.options import Options

PROJECT = Path(__file__).parents[3]


def search(words: Sequence[str], store: Path) -> None:
    """RuntimeError where it fails; that no network holds the line is no failure. An interruption is handed on to it,
    and it is waited for."""
    command = [sys.executable, "-m", "search", *words, "--store", str(store)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(PROJECT)}) as process:
        try:
            status = process.wait()
        except BaseException:
            process.send_signal(signal.SIGTERM)
            process.wait()
            raise
    if status not in (OK, NONE_FEASIBLE):
        raise RuntimeError(f"`search {' '.join(words)}` ended with status {status}; what it said is above")


def import_baseline(options: Options, store: Path) -> None:
    """Imports the baseline, once for each store."""
    if not list((store / "baselines").glob("*.json")):
        search(["baseline", "--import", str(options.baseline), *options.data], store)


def confirm(options: Options, store: Path) -> None:
    search(["confirm", *options.study, *options.data], store)
