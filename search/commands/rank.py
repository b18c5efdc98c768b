"""`rank`: who leads, against the unpruned baseline."""

import argparse
import json
from typing import Any

from search.commands.chosen import chosen_goals
from search.commands.exit_status import OK
from search.results.methods import methods
from search.results.pivot import pivot
from search.results.published import read_published
from search.results.report import findings_of, print_standings, results_console
from search.results.standings import Standings, standings
from search.settings.settings import asked, settings
from search.store.store import Store


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    store = Store.existing(chosen.store, chosen.storage)
    published = read_published(chosen.published)
    rankings = [standings(store, goal, published) for goal in chosen_goals(store, chosen, asked(vars(options)))]
    if options.json:
        content = [_as_dict(ranking) for ranking in rankings]
        print(json.dumps(content[0] if len(content) == 1 else content, indent=1))
    else:
        console = results_console()
        for ranking in rankings:
            print_standings(console, ranking, options.top)
    return OK


def _as_dict(ranking: Standings) -> dict[str, Any]:
    beside, compared = pivot(ranking), methods(ranking)
    return {
        **ranking.as_dict(),
        **({"beside_unpruned": beside.as_dict()} if beside else {}),
        **({"methods": {**compared.as_dict(), "findings": findings_of(ranking)}} if compared else {}),
    }
