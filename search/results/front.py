"""Front: the rows that no other row beats in both accuracy and cost."""

from collections.abc import Callable, Iterable

from search.results.rows import Row

# What a front weighs accuracy against, by name; less is better.
COSTS: dict[str, Callable[[Row], float]] = {
    "latency": lambda row: row.latency_ms,
    "energy": lambda row: row.energy_mj,
    "fom": lambda row: -(row.fom or 0),
}


def front(rows: Iterable[Row], cost: str = "latency") -> list[Row]:
    """From cheap to costly, each more accurate than all before it; dirty rows and those without accuracy stay out."""
    of = COSTS[cost]
    able = [row for row in rows if not row.dirty and not row.gated and row.accuracy is not None]
    best: list[Row] = []
    for row in sorted(able, key=lambda row: (of(row), -(row.accuracy or 0))):
        if not best or (row.accuracy or 0) > (best[-1].accuracy or 0):
            best.append(row)
    return best
