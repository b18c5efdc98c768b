"""`show-config`: the settings in force, as a file that gives them again."""

import argparse
import sys

from search.commands.exit_status import OK
from search.settings.settings import settings
from search.settings.settings_file import as_toml, only_typed


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    print(as_toml(chosen))
    for words, reason in only_typed(chosen).items():
        print(f"{words} is no part of the file: {reason}; give it on the command line each time", file=sys.stderr)
    return OK
