"""Front: the rows that no other row beats in both accuracy and cost."""

from collections.abc import Callable, Iterable

from search.results.rows import Row

# What a front weighs accuracy against, by name; less is better.
COSTS: dict[str, Callable[[Row], float]] = {
    "latency": lambda row: row.latency_ms,
    "energy": lambda row: row.energy_mj,
    "fom": lambda row: -(row.fom),
}


def front(rows: Iterable[Row], cost: str = "latency") -> list[Row]:
    """From cheap to costly, each more accurate than all before it; dirty and gated rows stay out."""
    of = COSTS[cost]
    able = [row for row in rows if not row.dirty and not row.gated]
    best: list[Row] = []
    for row in sorted(able, key=lambda row: (of(row), -row.accuracy)):
        if not best or row.accuracy > best[-1].accuracy:
            best.append(row)
    return best
