"""`rank`: who leads, against the unpruned baseline."""

import argparse
import json

from search.commands.chosen import chosen_goals
from search.commands.exit_status import OK
from search.results.report import print_standings, results_console
from search.results.standings import standings
from search.settings.settings import asked, settings
from search.store.store import Store


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    store = Store.existing(chosen.store, chosen.storage)
    rankings = [standings(store, goal) for goal in chosen_goals(store, chosen, asked(vars(options)))]
    if options.json:
        content = [ranking.as_dict() for ranking in rankings]
        print(json.dumps(content[0] if len(content) == 1 else content, indent=1))
    else:
        console = results_console()
        for ranking in rankings:
            print_standings(console, ranking, options.top)
    return OK
