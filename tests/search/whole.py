"""Runs of the search in processes of their own, and stores to begin with.

The baseline is an untrained network, imported, and no candidate is fine-tuned; only the last units vary, the others
are as narrow as can be: a run has its first trial in seconds.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import optuna

from search.results.standings import standings
from search.store.store import Store
from space.dimension import Integer
from space.dimensions import dimensions
from space.networks.mobilenet_v1.shape import WIDTHS
from tests.search.made_up import statements

ROOT = Path(__file__).parent.parent.parent
WITHOUT_EXTRAS = Path(__file__).parent / "without_extras"
# The program that a test starts: the one that users start, or the same with less to time.
REAL, QUICK = "search", "tests.search.quick"
VARYING = 5
NARROW = [
    f"{dimension.name}={dimension.high}"
    for dimension in dimensions("pruning", 1)[: len(WIDTHS) - VARYING]
    if isinstance(dimension, Integer)
]
FIXED = ",".join(["epochs=0", *NARROW])
# Nothing is ever below this line, so that something leads.
SEARCH = ["--data", "builtin", "--space", "pruning", "--fix", FIXED, "--min-accuracy", "0.01", "--margin", "0.001"]


def command(*words: object, program: str = QUICK) -> list[str]:
    return [sys.executable, "-m", program, *map(str, words)]


def finished(*words: object, program: str = QUICK) -> subprocess.CompletedProcess[str]:
    typed = command(*words, program=program)
    return subprocess.run(typed, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=500)


def environment(mark: object = "") -> dict[str, str]:
    """A board whose /proc tells of nobody else: other tests run beside it, and a dirty run leads nothing. And a Python
    in which what an extra brings cannot be imported."""
    path = os.pathsep.join(filter(None, [str(WITHOUT_EXTRAS), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "SEARCH_SYSROOT": calm(), "MARK": str(mark), "PYTHONPATH": path}


@cache
def calm() -> str:
    return mkdtemp(prefix="calm")


def copy(store: Path, target: Path) -> Path:
    subprocess.run(["cp", "-r", str(store), str(target)], check=True)
    return target


def keep_one_network(folder: Path) -> None:
    """Beside the baseline: two that are close would take turns for minutes."""
    store = Store.existing(folder)
    ranking = standings(store, store.studies()[0])
    assert ranking.best is not None
    with statements(store) as execute:
        execute(
            "DELETE FROM search_candidates WHERE recipe_id NOT IN (:best, :baseline)",
            {"best": ranking.best.recipe_id, "baseline": ranking.baseline.recipe_id},
        )


def optunas(store: Store, name: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=name, storage=store.url).get_trials(deepcopy=False)


def children_of(store: Path) -> list[str]:
    """Processes that still work for this store."""
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"MARK={store}" in environment:
            processes.append(f"{entry.name} {words}")
    return processes
