"""`audit`: whether the energies of any table are explained by the latencies beside them."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from search.analysis.claims import Claim, read_claims
from search.commands.exit_status import OK
from search.results.report import results_console
from search.results.wording import implied, number
from search.scoring.audit import FITS


def main(options: argparse.Namespace) -> int:
    claims = read_claims(options.table)
    if options.json:
        print(json.dumps([_as_dict(claim) for claim in claims], indent=1))
        return OK
    console = results_console()
    console.print(_table(claims))
    fitting = sum(claim.audit.verdict == FITS for claim in claims)
    console.print(f"{fitting} of {len(claims)} rows: the energy fits the latency at the maximum power", markup=False)
    return OK


def _as_dict(claim: Claim) -> dict[str, Any]:
    audit = claim.audit
    optional = {"idle_power_w": claim.idle_power_w, "wall_ms": claim.wall_ms}
    return {
        **claim.labels,
        "latency_ms": claim.latency_ms,
        "energy_mj": claim.energy_mj,
        "max_power_w": claim.max_power_w,
        **{name: value for name, value in optional.items() if value is not None},
        "verdict": audit.verdict,
        "implied_power_w": audit.implied_power_w,
        "implied_wall_ms": audit.implied_wall_ms,
        "wall_multiple": audit.wall_multiple,
    }


def _table(claims: Sequence[Claim]) -> Table:
    """A row is known by its place and by its first label; the others are in the JSON."""
    label = next(iter(claims[0].labels), "")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("row", label, "latency ms", "energy mJ", "max W"):
        table.add_column(Text(name), justify="right")
    for name in ("verdict", "implied"):
        table.add_column(name)
    for place, claim in enumerate(claims, start=1):
        audit = claim.audit
        cells = (
            str(place),
            claim.labels.get(label, ""),
            number(claim.latency_ms),
            number(claim.energy_mj),
            f"{claim.max_power_w:.2f}",
            audit.verdict,
            "; ".join(text for text in (audit.reason, "" if audit.verdict == FITS else implied(audit)) if text),
        )
        table.add_row(*map(Text, cells), style=None if audit.verdict == FITS else "bold")
    return table
