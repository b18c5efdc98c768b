"""`doctor`: is all there that a search needs? One line each, with the next step."""

import argparse
import asyncio
import json

from search.commands.exit_status import OK
from search.commands.readiness import MISSING, Check, checks
from search.results.terminal import plain
from search.settings.settings import Settings, settings


def main(options: argparse.Namespace) -> int:
    looked_at = asyncio.run(_look(settings(vars(options)), talk=not options.json))
    if options.json:
        print(json.dumps([check.as_dict() for check in looked_at], indent=1))
    return min((check.status for check in looked_at if check.state == MISSING), default=OK)


async def _look(chosen: Settings, talk: bool) -> list[Check]:
    """Each line as soon as it is known: a board that is switched off takes a while."""
    looked_at = []
    async for check in checks(chosen):
        looked_at.append(check)
        if talk:
            print(plain(f"{check.state:8} {check.name:12} {check.text}"), flush=True)
    return looked_at
