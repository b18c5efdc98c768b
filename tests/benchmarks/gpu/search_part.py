"""Search: three minutes from a baseline, on a loopback board that answers as late as a Pi does."""

import asyncio
import os
import shutil
import site
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh

from search.store.store import Store
from space.candidate import Candidate
from tests.benchmarks.gpu.baseline_part import checkpoint
from tests.benchmarks.gpu.check import Check, Figure
from tests.benchmarks.gpu.used import Used
from tests.evaluators.device import sshd
from tests.evaluators.device.sshd import NAME, Board
from tests.search.calm_board import calm_board, home_that_knows
from tests.search.whole import QUICK, SEARCH

LIMIT_S, NEAR_S = 180.0, 10.0
LEAST_TRAINED, LONG, LEAST_LONG, LEAST_USED_PERCENT = 35, 32, 8, 80.0
LOG = "search.log"
# Nothing feasible is no fault of what is measured here.
ENDED = (0, 4)


def figures(check: Check) -> Iterator[Figure]:
    measured = check.once("search", lambda: searched(check))
    late_s = measured["wall_s"] - measured["limit_s"]
    yield Figure(
        name="networks trained",
        value=measured["trained"],
        least=LEAST_TRAINED,
        note=f"{measured['built']} files built, {measured['trials']} trials",
    )
    yield Figure(name=f"of them for {LONG} epochs or more", value=measured["long"], least=LEAST_LONG)
    yield Figure(
        name="time that the card was used",
        value=measured["used_percent"],
        unit=" %",
        least=LEAST_USED_PERCENT,
        note=measured["used_note"],
    )
    yield Figure(
        name="seconds between its end and its deadline",
        value=abs(late_s),
        unit=" s",
        most=NEAR_S,
        note=f"it ended {abs(late_s):.1f} s {'after' if late_s > 0 else 'before'} it",
    )


def searched(check: Check) -> dict[str, object]:
    store = check.work / "search-store"
    # The figures are those of one run.
    shutil.rmtree(store, ignore_errors=True)
    if not check.quick:
        imported(check, store)
    # The folder has a short path: a socket's is limited.
    with TemporaryDirectory(prefix="gpu-check") as folder, late_board(Path(folder), check.late_s) as board:
        environment = {**os.environ, "PYTHONUSERBASE": site.getuserbase(), **home_that_knows(board, Path(folder))}
        with Used(check.device) as used:
            begun = time.perf_counter()
            status = check.run(*words(check, store), log=LOG, env=environment)
            wall_s = time.perf_counter() - begun
    if status not in ENDED:
        raise SystemExit(f"the search ended with status {status}:\n{check.said(LOG)}")
    return {
        "wall_s": wall_s,
        "limit_s": limit_s(check),
        "used_percent": used.percent,
        "used_note": used.note,
        **counts(store),
    }


def imported(check: Check, store: Path) -> None:
    path = check.baseline or checkpoint(check)
    if not path.is_file():
        raise SystemExit(f"{path} is not there: `gpu_check.py baseline` makes it, or name one: --baseline FILE")
    words = ["-m", "search", "baseline", "--import", path, "--data", "cifar10", "--data-dir", check.data_dir]
    status = check.run(*words, "--store", store, "--accelerator", check.device.type, log=LOG)
    if status:
        raise SystemExit(f"{path} was not imported, status {status}:\n{check.said(LOG)}")


def limit_s(check: Check) -> float:
    """The search's limit; a quick run is ended by its trials."""
    return 300.0 if check.quick else LIMIT_S


def words(check: Check, store: Path) -> list[object]:
    program = QUICK if check.quick else "search"
    shared = ["--store", store, "--device", f"ssh:{NAME}", "--accelerator", check.device.type]
    if check.quick:
        chosen = [*SEARCH, "--trials", 2]
    else:
        chosen = ["--data", "cifar10", "--data-dir", check.data_dir, "--trials", 100_000]
    return [
        *("-m", program, "--objective", "fom", "--timeout", f"{limit_s(check):g}s"),
        *shared,
        *chosen,
        *(("--builders", "auto") if has_builders(check) else ()),
    ]


def has_builders(check: Check) -> bool:
    """Whether this version trains several networks at once."""
    check.run("-m", "search", "--help", log="help.log")
    return "--builders" in (check.work / "help.log").read_text()


def counts(store: Path) -> Mapping[str, int]:
    """How many networks there are: what shares its weights with another was not trained for itself."""
    manifests = (store / "candidates").glob("*.json")
    candidates = [Candidate.from_json(path.read_text(), path.parent) for path in manifests]
    trained = {candidate.recipe.weights_id: len(candidate.history) for candidate in candidates if candidate.history}
    opened = Store.existing(store)
    return {
        "trained": len(trained),
        "long": sum(epochs >= LONG for epochs in trained.values()),
        "built": len(candidates),
        "trials": sum(len(opened.trials(goal.id)) for goal in opened.studies()),
    }


@contextmanager
def late_board(folder: Path, delay_s: float) -> Iterator[Board]:
    """A board whose Python begins only after the delay: a Pi loads NumPy and a runtime for about that long."""
    with any_server(folder) as board:
        python = board.folder / "venv" / "bin" / "python"
        first, *rest = python.read_text().splitlines()
        # Where packages are the user's own, the board's home hides them.
        late = [f"export PYTHONUSERBASE='{site.getuserbase()}'", f"sleep {delay_s:g}"]
        python.write_text("\n".join([first, *late, *rest, ""]))
        # A board is not the machine that trains, and says so by another boot.
        boot_id = "/proc/sys/kernel/random/boot_id"
        board.put_program("cat", f'[ "$1" = {boot_id} ] && echo another && exit\nexec {shutil.which("cat")} "$@"')
        yield board


@contextmanager
def any_server(folder: Path) -> Iterator[Board]:
    """A board of OpenSSH's server; of asyncssh's where there is none, or where this container lets nobody log in with
    it."""
    for number, server in enumerate((sshd.SSHD, None)):
        sshd.SSHD = server
        with ExitStack() as stack:
            try:
                (folder / str(number)).mkdir()
                board = stack.enter_context(calm_board(folder / str(number)))
                asyncio.run(log_in(board))
            except (RuntimeError, OSError, asyncssh.Error):
                if server is None:
                    raise
                continue
            yield board
            return


async def log_in(board: Board) -> None:
    async with asyncssh.connect(NAME, config=[str(board.config())]) as connection:
        await connection.run("true", check=True, timeout=30)
