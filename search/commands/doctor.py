"""`doctor`: is all there that a search needs? One line each as it is known; then a table with what to type next."""

import argparse
import asyncio
import json
from collections.abc import Sequence

from rich.table import Table

from search.commands import exit_status
from search.commands.readiness import MISSING, OK, WARNING, Check, checks
from search.commands.told import parts
from search.results.report import results_console
from search.results.terminal import plain
from search.settings.settings import Settings, settings

# How each state of a row looks; it is said in words, too.
_STYLES = {OK: "", WARNING: "bold", MISSING: "bold red"}


def main(options: argparse.Namespace) -> int:
    looked_at = asyncio.run(_look(settings(vars(options)), talk=not options.json))
    if options.json:
        print(json.dumps([check.as_dict() for check in looked_at], indent=1))
    else:
        print()
        results_console().print(_table(looked_at))
    return min((check.status for check in looked_at if check.state == MISSING), default=exit_status.OK)


async def _look(chosen: Settings, talk: bool) -> list[Check]:
    """Each line as soon as it is known: a board that is switched off takes a while."""
    looked_at = []
    async for check in checks(chosen):
        looked_at.append(check)
        if talk:
            print(plain(f"{check.state:8} {check.name:12} {check.text}"), flush=True)
    return looked_at


def _table(looked_at: Sequence[Check]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("check", "state"):
        drawn.add_column(head, no_wrap=True)
    drawn.add_column("next", overflow="fold")
    for check in looked_at:
        problem, typed = parts(check.text)
        # Where nothing is to be typed, what is wrong says what to do.
        then = typed.removeprefix("next: ") or ("" if check.state == OK else problem)
        drawn.add_row(check.name, check.state, then, style=_STYLES[check.state])
    return drawn
