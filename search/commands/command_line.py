"""The command line: which command, which options; nothing heavy is imported before it is known what is asked."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from search.commands import options
from space.errors import RequestError


@dataclass(frozen=True, slots=True)
class Command:
    module: str
    summary: str
    add: Callable[[argparse.ArgumentParser], None]
    # Takes the options that say where things are.
    shared: bool = True


MAIN = "search"
COMMANDS = {
    MAIN: Command("search.commands.run", "search, or go on where it stopped (the default)", options.search),
    "study": Command("search.commands.run", "carry out a study's file: a grid (m1, m2), or a search", options.study),
    "rank": Command("search.commands.rank", "who leads, against the unpruned baseline", options.rank),
    "confirm": Command(
        "search.commands.confirm", "the leaders again: whole test set, three runs or more", options.confirm
    ),
    "status": Command("search.commands.status", "which studies there are, and how far they got", options.status),
    "baseline": Command("search.commands.baseline", "train the baseline, or import one", options.baseline),
    "sensitivity": Command(
        "search.commands.sensitivity",
        "which layers matter: each alone pruned, not trained: accuracy and latency",
        options.sensitivity,
    ),
    "measure": Command("search.commands.measure", "measure any file that a runtime takes", options.measure),
    "audit": Command("search.commands.audit", "whether latency explains the energy, for any table", options.audit),
    "export": Command(
        "search.commands.export", "the winner's file, page, figures, tables, slides, what is handed in", options.export
    ),
    "compare": Command(
        "search.commands.compare", "two stores, studies, benches or recipes side by side", options.compare
    ),
    "importance": Command(
        "search.commands.importance", "which dimensions mattered; what a point of accuracy costs", options.importance
    ),
    "devices": Command(
        "search.commands.devices",
        "boards: trust, prepare, name them; power meters",
        options.devices,
        shared=False,
    ),
    "doctor": Command("search.commands.doctor", "is all there that a search needs? what to do next", options.doctor),
    "show-config": Command("search.commands.show_config", "the settings in force, as TOML", options.show_config),
}

_DESCRIPTION = "Searches for the compressed network that wins on the device."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RequestError(f"{message} ({self.prog} --help lists the options)")


def parse(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    name = words[0] if words and words[0] in COMMANDS else MAIN
    stray = next((word for word in words if word in COMMANDS), None)
    if name == MAIN and words[:1] == ["help"]:
        words = ["--help"]
    elif words and not words[0].startswith("-") and name != words[0]:
        raise RequestError(f"{words[0]} is not a command; known are {', '.join(COMMANDS)}")
    command = COMMANDS[name]
    parser = _Parser(
        prog="python -m search" + ("" if name == MAIN else f" {name}"),
        description=_DESCRIPTION if name == MAIN else command.summary[0].upper() + command.summary[1:] + ".",
        epilog=_commands() if name == MAIN else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add(parser)
    if command.shared:
        options.add_settings(parser.add_argument_group("shared by all commands"), options.SHARED)
    try:
        return command, parser.parse_args(words[1:] if words[:1] == [name] else words)
    except RequestError as error:
        if stray and stray != name:
            raise RequestError(f"write the command first: python -m search {stray} ...") from error
        raise


def run(command: Command, chosen: argparse.Namespace) -> int:
    """Every command's module has `main`, from options to exit status."""
    main: Callable[[argparse.Namespace], int] = import_module(command.module).main
    return main(chosen)


def _commands() -> str:
    width = max(map(len, COMMANDS)) + 2
    rows = [f"  {name:{width}}{command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["commands (python -m search COMMAND --help):", *rows])
