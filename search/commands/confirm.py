"""`confirm`: the leaders again, on the whole test set, in three processes, the reference beside them."""

import argparse
from contextlib import ExitStack

from search.commands.chosen import chosen_goals
from search.commands.exit_status import INTERRUPTED
from search.commands.outcome import print_results
from search.results.published import read_published
from search.results.report import results_console
from search.results.standings import standings
from search.running.confirm_run import confirm_leaders
from search.running.view import View
from search.settings.settings import asked, settings
from search.store.store import Store
from search.store.writing import writing
from space.errors import RequestError


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    published = read_published(chosen.published)
    Store.existing(chosen.store, chosen.storage)
    with writing(chosen.store, chosen.storage) as store:
        goals = chosen_goals(store, chosen, asked(vars(options)))
        for goal in goals:
            store.take_study(goal.id)
        try:
            with ExitStack() as alone:
                for goal in goals:
                    # A study is confirmed beside searches, and beside no other confirmation of it.
                    if others := alone.enter_context(store.alone(f"confirm {goal.id}")):
                        raise RequestError(f"{goal.id} is being confirmed by {others[0]}; wait for it")
                confirm_leaders(chosen, store, goals, View(0), options.top)
        except KeyboardInterrupt:
            return INTERRUPTED
        return print_results(results_console(), store, [standings(store, goal, published) for goal in goals])
