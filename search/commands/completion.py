"""`completion`: a script by which a shell completes commands and options; it starts no Python at a press of Tab."""

import argparse
from pathlib import Path

import shtab

from search.commands import command_line
from search.commands.exit_status import OK
from search.settings.keys import AUTO, KEYS, OneOf, path
from search.settings.study_files import STUDIES
from space.data.choose import DATA_SETS
from space.networks import names


def main(options: argparse.Namespace) -> int:
    print(shtab.complete(_tree(), shell=options.shell))
    return OK


def _tree() -> argparse.ArgumentParser:
    """All commands in one parser: each is read by one of its own otherwise."""
    root = argparse.ArgumentParser(prog=command_line.SCRIPT, allow_abbrev=False)
    root.add_argument("--version", action="store_true", help="print the version and stop")
    command_line.fill(root, command_line.COMMANDS[command_line.MAIN])
    commands = root.add_subparsers()
    for name, command in command_line.COMMANDS.items():
        summary = command.summary
        command_line.fill(commands.add_parser(name, help=summary, description=summary, allow_abbrev=False), command)
    for parser in (root, *commands.choices.values()):
        for action in parser._actions:
            _complete(action)
    return root


def _complete(action: argparse.Action) -> None:
    """What may follow an option: names from the tables, folders, files."""
    key = next((key for key in KEYS.values() if key.setting == action.dest and action.option_strings), None)
    if key is not None and isinstance(key.read, OneOf):
        action.choices = key.read.names
    elif action.dest in _NAMES and action.type is not Path:
        action.choices = _NAMES[action.dest]
    elif action.type is Path or (key is not None and key.read is path):
        action.complete = shtab.DIRECTORY if key else shtab.FILE  # type: ignore[attr-defined]


# Names that packages bring are not among them: they come and go, and the script stays.
_NAMES = {
    "architecture": tuple(names.OWN),
    "data": (AUTO, *DATA_SETS.own),
    # A file does, too.
    "config": sorted(each.stem for each in STUDIES.glob("*.toml")),
}
