"""`compare`: two studies, benches or recipes side by side."""

import argparse
import json
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from search.analysis.comparison import Comparison, Pair, Ratio, as_dict, common_noun, compared, side
from search.commands.exit_status import OK
from search.results.report import results_console
from search.results.rows import Row
from search.results.wording import accuracy, fom_gain, framework_text, half_percent, marked, number, pace_of
from search.settings.settings import asked, settings
from search.store.store import Store

_NO = "-"


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    # Two folders need no store beside them.
    store = Store.found(chosen.store, chosen.storage)
    objective = chosen.objective if "objective" in asked(vars(options)) else None
    comparison = compared(side(options.a, store, objective), side(options.b, store, objective))
    if options.json:
        print(json.dumps(as_dict(comparison), indent=1))
        return OK
    console = results_console()
    for name, its_side in (("A", comparison.a), ("B", comparison.b)):
        ranking = its_side.standings
        console.print(f"{name}: {ranking.goal.id} on {ranking.bench.title}", markup=False)
    if comparison.chosen:
        console.print(_table("recipe A, recipe B", [comparison.chosen], both=True))
        rows = (comparison.chosen.a, comparison.chosen.b)
        differ = len({row.recipe.runtime for row in rows}) > 1
        for name, row in zip("AB", rows, strict=True):
            console.print(f"{name}: {_own(row)}{f'; {framework_text(row)}' if differ else ''}", markup=False)
    if comparison.common:
        fastest = sorted(comparison.common, key=lambda pair: pair.a.latency_ms)
        across = comparison.across_runtimes
        console.print(_table("recipe A, recipe B" if across else "recipe", fastest[: options.top], both=across))
        count, noun = f"{min(options.top, len(fastest))} of {len(fastest)}", common_noun(across=across)
        console.print(f"{count} common {noun}, the fastest of A first")
    for text in _correlation(comparison):
        console.print(text, markup=False)
    for text in comparison.not_compared:
        console.print(text, markup=False, style="dim")
    return OK


def _correlation(comparison: Comparison) -> list[str]:
    if comparison.rank_correlation is None:
        return []
    noun = common_noun(across=comparison.across_runtimes)
    ratios = sorted(pair.latency.value for pair in comparison.common if pair.latency)
    return [
        f"latencies B / A from {number(ratios[0])} to {number(ratios[-1])}; rank correlation "
        f"{comparison.rank_correlation:.3f} over {len(ratios)} {noun} (1: the same order)"
    ]


def _own(row: Row) -> str:
    """Against its own baseline, which holds across benches."""
    gains = [f"{pace_of(row)} than its own baseline"]
    if row.fom_gain is not None:
        gains.append(f"FoM {fom_gain(row)} (energy {row.energy_provenance.kind})")
    return f"{row.recipe_id}: {accuracy(row)}, {', '.join(gains)}"


def _table(first: str, pairs: Sequence[Pair], *, both: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    heads = ("accuracy % A", "B", "B - A", "latency ms A", "B", "B / A", "energy mJ A", "B", "B / A")
    for name in heads:
        table.add_column(Text(name), justify="right", no_wrap=True)
    for pair in pairs:
        name = f"{pair.a.recipe_id}, {pair.b.recipe_id}" if both else pair.a.recipe_id
        table.add_row(*map(Text, (name, *_accuracies(pair), *_latencies(pair), *_energies(pair))))
    return table


def _accuracies(pair: Pair) -> tuple[str, str, str]:
    if pair.accuracy is None or pair.gap is None:
        return _NO, _NO, _NO
    ours, theirs = pair.accuracy
    split = "test" if pair.split == "test" else "val."
    return (
        f"{100 * ours:.2f} {split}",
        f"{100 * theirs:.2f} {split}",
        f"{100 * pair.gap[0]:+.2f} ±{100 * pair.gap[1]:.2f}",
    )


def _latencies(pair: Pair) -> tuple[str, str, str]:
    cells = [f"{number(row.latency_ms)} {half_percent(row)}" for row in (pair.a, pair.b)]
    return cells[0], cells[1], _ratio(pair.latency)


def _energies(pair: Pair) -> tuple[str, str, str]:
    if not pair.a.energy_provenance.is_comparable_with(pair.b.energy_provenance):
        return _NO, _NO, _NO
    cells = [f"{number(row.energy_mj)} {row.energy_provenance.kind}" for row in (pair.a, pair.b)]
    return cells[0], cells[1], marked(_ratio(pair.energy), pair.b)


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return _NO
    return f"{number(ratio.value)} ({number(ratio.low)} to {number(ratio.high)})"
