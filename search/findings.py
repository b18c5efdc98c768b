"""Findings: what a table of rows shows, each in a line; only what lies outside the intervals is called a difference."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from search.rows import Row

_UNQUANTIZED = "none"


def findings(rows: Sequence[Row]) -> list[str]:
    known = [row for row in rows if row.recipe is not None and not row.gated]
    timed = [row for row in known if not row.dirty]
    return [*_quantization(timed), *_pruning(timed), *_accuracy(known)]


def _quantization(rows: Sequence[Row]) -> Iterator[str]:
    """Where a quantized network is not the faster one; epochs do not change what is timed."""
    plain = {_shape(row): row for row in rows if _of(row, "quantization") == _UNQUANTIZED}
    for name in sorted({_of(row, "quantization") for row in rows} - {_UNQUANTIZED}):
        pairs = {
            _shape(row): (row, plain[_shape(row)])
            for row in rows
            if _of(row, "quantization") == name and _shape(row) in plain
        }
        for verdict, chosen in (
            ("slower", [pair for pair in pairs.values() if _faster(pair[1], pair[0])]),
            ("faster", [pair for pair in pairs.values() if _faster(*pair)]),
        ):
            if chosen:
                times = sorted(max(a.latency_ms, b.latency_ms) / min(a.latency_ms, b.latency_ms) for a, b in chosen)
                yield (
                    f"{name} is {verdict} than fp32 in {len(chosen)} of {len(pairs)} networks "
                    f"({times[0]:.2f} to {times[-1]:.2f} times)"
                )


def _pruning(rows: Sequence[Row]) -> Iterator[str]:
    """Where fewer parameters are not less time."""
    for group in _grouped(rows, "quantization", "threads", "spinning"):
        shapes = {row.structure_id: row for row in group}
        ordered = sorted(shapes.values(), key=lambda row: -row.parameters)
        for wider, narrower in pairwise(ordered):
            if narrower.parameters < wider.parameters and not _faster(narrower, wider):
                yield (
                    f"pruning from {wider.parameters:,} to {narrower.parameters:,} parameters gains no latency "
                    f"({_of(wider, 'quantization')}: {wider.latency_ms:.3g} ms, then {narrower.latency_ms:.3g} ms)"
                )


def _accuracy(rows: Sequence[Row]) -> Iterator[str]:
    """Down to which size the line is held."""
    judged = [row for row in rows if row.feasible is not None and row.accuracy is not None]
    for group in sorted(_grouped(judged, "quantization", "epochs"), key=lambda group: int(_of(group[0], "epochs"))):
        held = [row for row in group if row.feasible]
        below = [row for row in group if not row.feasible]
        if not below:
            continue
        what = f"{_of(group[0], 'quantization')}, {_of(group[0], 'epochs')} epochs"
        best = max(below, key=lambda row: row.accuracy or 0)
        if held:
            least = min(held, key=lambda row: row.parameters)
            reached = 100 * (least.accuracy or 0)
            yield f"{what}: the line is held down to {least.parameters:,} parameters ({reached:.2f} %)"
        else:
            yield f"{what}: below the line throughout, {100 * (best.accuracy or 0):.2f} % at best"


def _faster(one: Row, other: Row) -> bool:
    return one.latency_ci_ms[1] < other.latency_ci_ms[0]


def _grouped(rows: Iterable[Row], *names: str) -> Iterable[list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(_of(row, name) for name in names), []).append(row)
    return groups.values()


def _shape(row: Row) -> tuple[Any, ...]:
    return tuple(str(_of(row, name)) for name in ("widths", "halvings", "threads", "spinning"))


def _of(row: Row, name: str) -> Any:
    """A choice of its recipe."""
    return (row.recipe or {}).get(name)
