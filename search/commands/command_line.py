"""The command line: which command, which options; nothing heavy is imported before it is known what is asked."""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from search.commands import options
from space.errors import RequestError

# What pip puts beside Python (pyproject.toml).
SCRIPT = "ondevice-search"


@dataclass(frozen=True, slots=True)
class Command:
    module: str
    summary: str
    add: Callable[[argparse.ArgumentParser], None]
    # Whether the command takes the options that say where things are.
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
    "workers": Command(
        "search.commands.workers",
        "machines that train and build for searches elsewhere, by Dask or Slurm",
        options.workers,
        shared=False,
    ),
    "doctor": Command("search.commands.doctor", "is all there that a search needs? what to do next", options.doctor),
    "show-config": Command("search.commands.show_config", "the settings in force, as TOML", options.show_config),
    "completion": Command(
        "search.commands.completion",
        "what a shell needs to complete commands and options",
        options.completion,
        shared=False,
    ),
}

_DESCRIPTION = "Searches for the compressed network that wins on the device."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RequestError(f"{message} ({self.prog} --help lists the options)")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *words: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(SCRIPT, version(SCRIPT))
        except PackageNotFoundError:
            print(SCRIPT, "is not installed: its folder is used as it is")
        sys.exit(0)


def program() -> list[str]:
    """The words by which this was started, for a person to start it again."""
    return [SCRIPT] if Path(sys.argv[0]).name == SCRIPT else ["python", "-m", "search"]


def parse(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    name = words[0] if words and words[0] in COMMANDS else MAIN
    if name == MAIN and words[:1] == ["help"]:
        words = ["--help"]
    elif words and not words[0].startswith("-") and name != words[0]:
        raise RequestError(f"{words[0]} is not a command; {_meant(words[0], COMMANDS) or _known(COMMANDS)}")
    parser = _parser(name)
    try:
        return COMMANDS[name], parser.parse_args(words[1:] if words[:1] == [name] else words)
    except RequestError as error:
        stray = next((word for word in words if word in COMMANDS and word != name), None)
        if stray:
            raise RequestError(f"write the command first: {' '.join(program())} {stray} ...") from error
        hint = next(_hints(name, parser, words), None)
        if hint is None:
            raise
        raise RequestError(f"{hint} ({parser.prog} --help lists the options)") from error


def _parser(name: str) -> _Parser:
    command = COMMANDS[name]
    parser = _Parser(
        prog=" ".join(program() + [name] * (name != MAIN)),
        description=_DESCRIPTION if name == MAIN else command.summary[0].upper() + command.summary[1:] + ".",
        epilog=_commands() if name == MAIN else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if name == MAIN:
        parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    fill(parser, command)
    return parser


def fill(parser: argparse.ArgumentParser, command: Command) -> None:
    command.add(parser)
    if command.shared:
        options.add_settings(parser.add_argument_group("shared by all commands"), options.SHARED)


def _hints(name: str, parser: argparse.ArgumentParser, words: Sequence[str]) -> Iterator[str]:
    """Hints for what is no option or action here: the nearest one that is, or the commands that have it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word in words[1:2]:
                if word not in action.choices and (meant := _meant(word, action.choices)):
                    yield f"{name} {word} is no command; {meant}"
    known = _flags(parser)
    for flag in (word.partition("=")[0] for word in words if word.startswith("--")):
        if flag not in known:
            having = [command for command in COMMANDS if command != name and flag in _flags(_parser(command))]
            meant = _meant(flag, known)
            if having:
                yield f"{flag} is an option of {', '.join(having)}"
            elif meant:
                yield f"{flag} is no option; {meant}"


def _flags(parser: argparse.ArgumentParser) -> set[str]:
    """The parser's options, and those of its actions, as `devices` has them."""
    flags = set()
    for action in parser._actions:
        flags |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            flags |= {flag for each in action.choices.values() for flag in _flags(each)}
    return flags


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _known(names: Iterable[str]) -> str:
    return f"known are {', '.join(names)}"


def run(command: Command, chosen: argparse.Namespace) -> int:
    """Every command's module has `main`, from options to exit status."""
    main: Callable[[argparse.Namespace], int] = import_module(command.module).main
    return main(chosen)


def _commands() -> str:
    width = max(map(len, COMMANDS)) + 2
    rows = [f"  {name:{width}}{command.summary}" for name, command in COMMANDS.items()]
    return "\n".join([f"commands ({' '.join(program())} COMMAND --help):", *rows])
