"""Tables: which rows the ranking and the course's tables have, and their cells as a person reads them."""

from collections.abc import Callable, Mapping, Sequence

from evaluators.provenance import Kind
from search.results.columns import Entry, View, ViewColumn
from search.results.findings import quantization_name
from search.results.pruned_fractions import fraction_of
from search.results.rows import Row
from search.results.standings import Standings
from space.pruning.criteria import CRITERIA


def entries(
    standings: Standings, top: int | None = None, wins: Mapping[str, tuple[str, ...]] | None = None
) -> list[Entry]:
    """The entries in the order of the ranking, the baseline last; `wins`: labels of the contests that a recipe wins."""
    waiting = {evaluation.recipe_id for evaluation in standings.waiting}
    ranked = [
        Entry(
            standings.row(evaluation),
            place=place if place <= standings.leaders else None,
            waits=evaluation.recipe_id in waiting,
            wins=(wins or {}).get(evaluation.recipe_id, ()),
        )
        for place, evaluation in enumerate(standings.ranked[:top], start=1)
    ]
    return [*ranked, Entry(standings.row(standings.baseline), is_baseline=True)]


def texts(rows: Sequence[Row], columns: Sequence[ViewColumn]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells as a person reads them; what rests on another kind of figure than most says so."""
    headings, cells = [], [[""] * len(columns) for _ in rows]
    for place, shown in enumerate(columns):
        provenance = shown.column.provenance
        kinds = [provenance(row).kind if provenance else None for row in rows]
        # The most frequent kind; where two are as frequent, the one that comes first.
        usual = max(dict.fromkeys(kinds), key=kinds.count, default=None)
        headings.append(shown.title + (f", {usual}" if usual not in (None, Kind.MEASURED) else ""))
        for index, row in enumerate(rows):
            text = shown.read(Entry(row))
            cells[index][place] = text if kinds[index] == usual else f"{text} {kinds[index]}"
    return headings, cells


def grid_rows(standings: Standings, *, pruned: bool) -> list[Row]:
    """The rows in the grid's order; of a study that is no grid everything it tried. `pruned`: in fp32, else
    quantized."""
    *rows, baseline = standings.rows
    tried = [row for row in rows if row.trial is not None] or rows
    uniform = [row for row in tried if fraction_of(row) is not None]
    chosen = [row for row in uniform or tried if (quantization_name(row) == "fp32") == pruned]
    # The unpruned network stands above both: what they are compared with.
    return [baseline, *(sorted(chosen, key=_grid_order) if uniform else chosen)]


def all_grid_rows(standings: Standings) -> list[Row]:
    """Pruned, then quantized, the unpruned network above them once."""
    return [*grid_rows(standings, pruned=True), *grid_rows(standings, pruned=False)[1:]]


def _grid_order(row: Row) -> tuple[str, str, int, float, int]:
    recipe = row.recipe
    judged = list(CRITERIA).index(recipe.criterion) if recipe.criterion in CRITERIA else len(CRITERIA)
    return recipe.runtime, quantization_name(row), judged, fraction_of(row) or 0.0, recipe.epochs


def winner_rows(standings: Standings) -> list[Row]:
    winner = [] if standings.best is None else [standings.row(standings.best)]
    return [*winner, standings.row(standings.baseline)]


ROWS: dict[View, Callable[[Standings], Sequence[Row]]] = {
    View.M1: lambda standings: grid_rows(standings, pruned=True),
    View.M2: lambda standings: grid_rows(standings, pruned=False),
    View.M3: winner_rows,
    View.GRID: all_grid_rows,
    View.FRONT: lambda standings: standings.rows,
}
TITLES = {
    View.M1: "Table 1: pruned",
    View.M2: "Table 2: pruned and quantized",
    View.M3: "Table 3: what is handed in",
    View.GRID: "Grid: beside the unpruned network",
    View.FRONT: "Ranking",
}
