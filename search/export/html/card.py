"""Card: what a page tells of one candidate: its network beside the unpruned one, how it came about, how surely its
figures are known, its file. No folder and no host is named: a page is handed out."""

import math
import time
from typing import Any

from search.results.rows import Row
from search.results.wording import (
    accuracy,
    epochs_text,
    framework_text,
    number,
    settings_text,
    training_text,
)
from search.settings.durations import spoken
from search.store.evaluation import Evaluation
from search.store.trials import TrialRecord
from space.networks.choose import network_named

# Digits of an interval's ends.
_SIGNIFICANT = 4


def units(architecture: str) -> list[str]:
    """What the rows of a network's drawing are called."""
    return [unit.name for unit in network_named(architecture).units]


def card(evaluation: Evaluation, row: Row, trial: TrialRecord | None) -> dict[str, Any]:
    recipe = evaluation.candidate.recipe
    return {
        "widths": list(recipe.widths),
        "halvings": list(recipe.halvings),
        "curve": [round(share, 4) for share in evaluation.candidate.history],
        "history": _history(evaluation, row, trial),
        "intervals": _intervals(row),
        "file": _file(evaluation, row),
    }


def _history(evaluation: Evaluation, row: Row, trial: TrialRecord | None) -> list[str]:
    recipe, figures = evaluation.candidate.recipe, evaluation.current
    lines = []
    if trial is not None:
        took = f", done {spoken(trial.ended_at - trial.begun_at)} later" if trial.ended_at else ""
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(trial.begun_at))
        lines.append(f"trial {trial.number}, asked for at {begun}{took}")
    lines.append(f"{training_text(recipe)}, criterion {recipe.criterion}, seed {recipe.seed}")
    seconds = evaluation.candidate.seconds
    if seconds:
        lines.append("built: " + ", ".join(f"{name} {spoken(step_s)}" for name, step_s in seconds.items()))
    if evaluation.candidate.projected is not None:
        projected, epochs = 100 * evaluation.candidate.projected, len(evaluation.candidate.history)
        lines.append(f"given up in training: {projected:.1f} % at best, after {epochs_text(epochs)}")
    lines.append(
        f"timed over {figures.inferences:,} inferences in {figures.processes} processes, {settings_text(recipe)}"
    )
    if row.search is not None:
        before = f"{number(row.search['latency_ms'])} ms and {100 * row.validation_accuracy:.2f} % on validation"
        lines.append(f"in the search {before}; confirmed {number(row.latency_ms)} ms and {accuracy(row)}")
    return [*lines, *(f"dirty: {reason}" for reason in figures.dirty)]


def _intervals(row: Row) -> list[list[Any]]:
    """Title, low, value, high, unit; what is known to no interval is left out."""
    low, high = row.accuracy_ci
    kind = row.energy_provenance.kind
    shown = (
        ("accuracy", (100 * low, 100 * high), 100 * row.accuracy, "%"),
        ("latency", row.latency_ci_ms, row.latency_ms, "ms"),
        (f"energy, {kind}", row.energy_ci_mj, row.energy_mj, "mJ"),
        ("faster", row.latency_gain_ci, row.latency_gain, "x"),
        (f"FoM gain, energy {kind}", row.fom_gain_ci, row.fom_gain, "x"),
    )
    return [
        [title, *map(_rounded, (interval[0], value, interval[1])), unit]
        for title, interval, value, unit in shown
        if interval is not None and value is not None and all(map(math.isfinite, (*interval, value)))
    ]


def _rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT}g}")


def _file(evaluation: Evaluation, row: Row) -> list[str]:
    candidate = evaluation.candidate
    return [
        f"{candidate.file.name}, {framework_text(row)}, {candidate.file_bytes:,} bytes",
        f"SHA-256 {candidate.sha256}",
        f"{row.parameters:,} parameters, {row.macs:,} multiply-accumulates, {row.operators} operators, "
        f"{row.memory_mb:.1f} MB of memory",
    ]
