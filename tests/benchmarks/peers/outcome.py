"""Outcome: what a row came to, of its winner confirmed on test, with where and by what it was measured."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from search.results.standings import Standings, standings
from search.store.store import Store
from tests.benchmarks.peers import child
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.results import Line
from tests.benchmarks.peers.row import Effort

_PACKAGES = ("torch", "onnxruntime", "ai-edge-litert", "optuna", "torch-pruning", "nvidia-modelopt", "torchprofile")


def confirmed(options: Options, folder: Path, effort: Effort) -> Line:
    """The leaders by validation, with the margin, are confirmed on test, down to one that holds the line there."""
    store = Store.existing(folder)
    goal = store.studies()[0]
    ranking = standings(store, goal)
    if ranking.best is not None:
        child.confirm(options, folder)
        ranking = standings(store, goal)
    best = ranking.best
    line: Line = {
        "seconds": effort.seconds,
        "trials": effort.trials,
        "files": len(ranking.ranked),
        "machine": ranking.bench.title,
        "data": f"{goal.data} {goal.fingerprint}",
        "baseline_id": goal.baseline_id,
        "least_validation": goal.least_accuracy,
        "versions": _versions(),
        "winner": None,
    }
    reference = ranking.row(ranking.baseline)
    line["reference"] = {"ms": reference.latency_ms, "framework": reference.framework}
    if best is None or not best.confirmed:
        line["why"] = _why(ranking)
        line["unconfirmed"] = any(row.validation.share >= goal.least_accuracy for row in ranking.ranked)
        return line
    row = ranking.row(best)
    line["winner"] = {
        "latency_gain": row.latency_gain,
        "latency_gain_ci": row.latency_gain_ci,
        "latency_ms": row.latency_ms,
        "latency_ci_ms": row.latency_ci_ms,
        "test_accuracy": row.test_accuracy,
        "accuracy_ci": row.accuracy_ci,
        "images": best.confirmation.test.total if best.confirmation else None,
        "validation_accuracy": row.validation_accuracy,
        "parameters": row.parameters,
        "macs": row.macs,
        "framework": row.framework,
        "recipe": row.recipe.as_dict(),
    }
    return line


def _why(ranking: Standings) -> str:
    """Nobody was confirmed."""
    line = 100 * ranking.goal.least_accuracy
    holding = [row for row in ranking.ranked if row.validation.share >= ranking.goal.least_accuracy]
    if not holding:
        most = max((row.validation.share for row in ranking.ranked), default=0.0)
        return f"none holds {line:.2f} % on validation; at most {100 * most:.2f} %"
    disturbed = sum(bool(row.current.dirty) for row in holding)
    tried = sum(row.confirmation is not None for row in holding)
    return (
        f"{len(holding)} files hold {line:.2f} % on validation and none is confirmed; {disturbed} were timed beside "
        f"other load, {tried} were tried on test"
    )


def failed(error: Exception) -> Line:
    return {"error": f"{type(error).__name__}: {error}", "machine": platform.platform(), "versions": _versions()}


def _versions() -> dict[str, Any]:
    versions: dict[str, Any] = {"python": platform.python_version(), "commit": _commit()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _commit() -> str:
    """The commit of the project; nothing where it is no git repository."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(words, cwd=child.PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
