"""Criteria compared: what a grid's rows of one structure show of its criteria, and what no structure can explain."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from search.results.pivot import time_over
from search.results.published import Published
from search.results.rows import Row
from search.results.structures import structure
from search.results.wording import half_percent, number, over_baseline, times, tuned_text

# Published latencies of one network that differ by less than a tenth say nothing: they have no intervals, and a machine
# of no fixed clock differs so much from itself.
_UNLIKE = 1.1


def criteria_compared(rows: Sequence[Row], published: Sequence[Published]) -> list[str]:
    """What sets criteria apart in the rows of a grid."""
    listed = [row for row in rows if row.point is not None]
    return [*_alike_in_structure(listed), *_unexplained(listed, published), *_slower_than_unpruned(listed, published)]


def _alike_in_structure(rows: Sequence[Row]) -> list[str]:
    """Criteria at equal structure, which has one latency: only accuracy tells them apart."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        if row.recipe.quantization == rows[0].recipe.quantization and row.recipe.runtime == rows[0].recipe.runtime:
            groups[row.structure_id, row.recipe.epochs].append(row)
    rivals = {key: group for key, group in groups.items() if len({row.recipe.criterion for row in group}) > 1}
    if not rivals:
        return []
    structures = {row.structure_id: row for group in rivals.values() for row in group}
    names = " and ".join(dict.fromkeys(row.recipe.criterion for group in rivals.values() for row in group))
    structure_texts = ", ".join(f"{_at(row)} {_latency(row)}" for row in structures.values())
    lines = [f"one structure, so one latency, is left by {names}: {structure_texts}"]
    for epochs in sorted({epochs for _, epochs in rivals}):
        parts = [_ahead(group) for (_, tuned), group in rivals.items() if tuned == epochs]
        lines.append(f"criteria at equal structure, {tuned_text(epochs)}: {', '.join(parts)}")
    return lines


def _ahead(group: Sequence[Row]) -> str:
    """Who keeps the most accuracy, and how much more than who keeps the least."""
    best, worst = (choose(group, key=lambda row: row.validation_accuracy) for choose in (max, min))
    ahead = best.validation_accuracy - worst.validation_accuracy
    if ahead <= math.hypot(_half(best), _half(worst)):
        return f"alike within the intervals at {_fraction(best)}"
    return f"{best.recipe.criterion} is {100 * ahead:.1f} points above {worst.recipe.criterion} at {_fraction(best)}"


def _unexplained(rows: Sequence[Row], published: Iterable[Published]) -> list[str]:
    """Published rows of one structure whose times differ: what a structure cannot explain."""
    ours = _by_published(rows, published)
    groups: dict[str, list[tuple[Published, Row]]] = defaultdict(list)
    for row, theirs in ours:
        if theirs.latency_ms:
            groups[row.structure_id].append((theirs, row))
    lines = []
    for group in groups.values():
        (slow, row), (fast, _) = (choose(group, key=lambda pair: pair[0].latency_ms or 0) for choose in (max, min))
        ratio = (slow.latency_ms or 0) / (fast.latency_ms or math.nan)
        if ratio >= _UNLIKE:
            both = " and ".join(
                f"{theirs.criterion or 'pruned'} {number(theirs.latency_ms or 0)} ms" for theirs in (slow, fast)
            )
            lines.append(
                f"published times of one structure differ by {times(ratio)}, {both} at {_at(row)}, which no structure "
                f"can explain: here it has one latency, {_latency(row)}"
            )
    return lines


def _slower_than_unpruned(rows: Sequence[Row], published: Iterable[Published]) -> list[str]:
    ours = _by_published(rows, published)
    whole = next(((row, theirs.latency_ms) for row, theirs in ours if not theirs.fraction and theirs.latency_ms), None)
    if whole is None:
        return []
    unpruned, unpruned_ms = whole
    return [
        f"published as slower than unpruned: {theirs.criterion or 'pruned'} at {_at(row)}, {times(ratio)} its time; "
        f"here {over_baseline(*time_over(row, unpruned))}{_if_dirty(row)}"
        for row, theirs in ours
        if theirs.fraction and (ratio := (theirs.latency_ms or 0) / unpruned_ms) >= _UNLIKE
    ]


def _by_published(rows: Sequence[Row], published: Iterable[Published]) -> list[tuple[Row, Published]]:
    """The network here that a published row is of, as far as it is evaluated."""
    pairs = (
        (next((row for row in rows if row.point and theirs.matches(row.point)), None), theirs) for theirs in published
    )
    return [(row, theirs) for row, theirs in pairs if row is not None]


def _latency(row: Row) -> str:
    return f"{number(row.latency_ms)} ms {half_percent(row)}{_if_dirty(row)}"


def _if_dirty(row: Row) -> str:
    """What others on the machine disturbed; accuracy is what it is all the same."""
    return ", timed dirty" if row.dirty else ""


def _half(row: Row) -> float:
    """Half of the interval of its accuracy on validation; that of a confirmed network is on test."""
    low, high = (row.search or {}).get("accuracy_ci", row.accuracy_ci)
    return float(high - low) / 2


def _at(row: Row) -> str:
    widths = structure(row.recipe)
    return f"{_fraction(row)}{f' ({widths})' if widths else ''}"


def _fraction(row: Row) -> str:
    return f"fraction {row.point.fraction:g}" if row.point else ""
