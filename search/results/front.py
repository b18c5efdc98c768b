"""Front: the rows that no other row beats in both accuracy and an objective's figure."""

from collections.abc import Iterable

from search.results.rows import Row
from search.scoring.objectives import OBJECTIVES, Objective


def front(rows: Iterable[Row], objective: Objective = OBJECTIVES["latency"]) -> list[Row]:
    """The rows of the front, from the best figure to the worst, each more accurate than all before it; dirty and gated
    rows stay out."""
    able = [row for row in rows if not row.dirty and not row.gated]
    best: list[Row] = []
    for row in sorted(able, key=lambda row: (objective.cost(row), -row.accuracy)):
        if not best or row.accuracy > best[-1].accuracy:
            best.append(row)
    return best
