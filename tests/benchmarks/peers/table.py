"""Table: the rows of a results file as Markdown, side by side under the same conditions, with their provenance."""

import statistics
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from tests.benchmarks.peers.results import Line

_HEADINGS = ("row", "latency gain", "n", "test accuracy", "latency", "trials", "seconds", "winner", "ours is faster by")


def markdown(lines: Sequence[Line]) -> str:
    """A table for each line, time and restriction; rows of several seeds are one, with their median."""
    if not lines:
        return "no row is done yet"
    conditions = dict.fromkeys(_condition(line) for line in lines)
    tables = (_table(condition, [line for line in lines if _condition(line) == condition]) for condition in conditions)
    return "\n\n".join([*tables, *_provenance(lines)])


def _condition(line: Line) -> str:
    fixed = f", {line['fix']}" if line["fix"] else ""
    return f"{line['minutes']:g} minutes, test accuracy at least {100 * line['min_accuracy']:g} %{fixed}"


def _table(condition: str, lines: Sequence[Line]) -> str:
    by_row = {
        name: [line for line in lines if line["row"] == name] for name in dict.fromkeys(line["row"] for line in lines)
    }
    ours = _median_gain(by_row.get("ours", ()))
    texts = [_HEADINGS, ("---",) * len(_HEADINGS), *(_cells(name, group, ours) for name, group in by_row.items())]
    return "\n".join([f"**{condition}**", "", *("| " + " | ".join(cells) + " |" for cells in texts)])


def _cells(name: str, lines: Sequence[Line], ours: float | None) -> tuple[str, ...]:
    seeds = str(len(lines))
    errors = [line["error"] for line in lines if "error" in line]
    if errors:
        return (name, f"did not run: {_one_line(errors[0])}", seeds, *[""] * (len(_HEADINGS) - 3))
    effort = (_median(lines, "trials", "{:.0f}"), _median(lines, "seconds", "{:.0f}"))
    if any(line["winner"] is None for line in lines):
        reasons = [line["why"] for line in lines if line["winner"] is None]
        text = f"no winner in {len(reasons)} of {seeds}: {reasons[0]}"
        return (name, text, seeds, "", "", *effort, "", "")
    shown = sorted(lines, key=lambda line: float(line["winner"]["latency_gain"]))[(len(lines) - 1) // 2]
    winner = shown["winner"]
    low, high = winner["accuracy_ci"]
    gain = _median_gain(lines)
    assert gain is not None
    return (
        name,
        _gain_text(lines, gain),
        seeds,
        f"{100 * winner['test_accuracy']:.2f} % ({100 * low:.2f} to {100 * high:.2f})",
        f"{1e3 * winner['latency_ms']:.1f} us",
        *effort,
        f"{_shape(winner['recipe'])}, {winner['recipe']['quantization']}, {winner['framework']}",
        "" if ours is None or name == "ours" else f"{ours / gain:.2f} x",
    )


def _gain_text(lines: Sequence[Line], gain: float) -> str:
    """One run has the interval of its measurement, several their range."""
    if len(lines) > 1:
        gains = [line["winner"]["latency_gain"] for line in lines]
        return f"{gain:.1f} x ({min(gains):.1f} to {max(gains):.1f})"
    interval = lines[0]["winner"]["latency_gain_ci"]
    return f"{gain:.1f} x" + (f" ({interval[0]:.1f} to {interval[1]:.1f}, 95 %)" if interval else "")


def _median_gain(lines: Iterable[Line]) -> float | None:
    """None where a run has no winner: there is no median of a row that may hold nothing."""
    gains = [line["winner"]["latency_gain"] if line.get("winner") else None for line in lines]
    known = [float(gain) for gain in gains if gain is not None]
    return statistics.median(known) if known and len(known) == len(gains) else None


def _median(lines: Sequence[Line], name: str, form: str) -> str:
    return form.format(statistics.median(line[name] for line in lines))


def _shape(recipe: dict[str, Any]) -> str:
    halved = set(recipe["halvings"])
    widths = (f"{width}{'↓' if unit in halved else ''}" for unit, width in enumerate(recipe["widths"]) if width)
    return "/".join(widths)


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _provenance(lines: Sequence[Line]) -> list[str]:
    """A line for each value that the rows do not all share, so that what differs is seen."""
    done = [line for line in lines if "error" not in line]
    texts = [
        _listed("machine", ((line["row"], line["machine"]) for line in done)),
        _listed("reference", ((line["row"], line["reference"]["framework"]) for line in done)),
        _listed("data", ((line["row"], line["data"]) for line in done)),
        _listed("baseline", ((line["row"], f"{line['baseline']} ({line['baseline_id']})") for line in done)),
        _listed("versions", ((line["row"], _versions(line)) for line in lines)),
        _listed("settings", ((line["row"], line["settings"]) for line in done)),
    ]
    return ["\n".join(text for text in texts if text)]


def _versions(line: Line) -> str:
    return ", ".join(f"{name} {number}" for name, number in line["versions"].items())


def _listed(title: str, values: Iterable[tuple[str, str]]) -> str:
    by_value = sorted(((value, row) for row, value in values), key=lambda pair: pair[0])
    groups = [
        (value, list(dict.fromkeys(row for _, row in pairs))) for value, pairs in groupby(by_value, lambda p: p[0])
    ]
    if len(groups) == 1 and title != "settings":
        return f"- {title}: {groups[0][0]}"
    return "\n".join(f"- {title} of {', '.join(rows)}: {value}" for value, rows in groups)
