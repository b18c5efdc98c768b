"""`show-config`: the settings in force, as a file that gives them again."""

import argparse

from search.exit_status import OK
from search.settings import as_toml, settings


def main(options: argparse.Namespace) -> int:
    print(as_toml(settings(vars(options))))
    return OK
