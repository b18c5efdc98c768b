"""What the README says is so: its commands, its files, its links."""

import re
from pathlib import Path

import pytest

from search.commands.command_line import COMMANDS, parse
from search.settings.keys import KEYS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMAND = re.compile(r"^\s*python -m search(?: (.*))?$", re.MULTILINE)
BLOCKS = re.findall(r"```(?:\w*)\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    return [words.split("#")[0].strip() for block in BLOCKS for words in COMMAND.findall(block)]


@pytest.mark.parametrize("words", commands())
def test_every_command_of_the_readme_is_one(words):
    parse(words.split())


def test_every_command_there_is_stands_in_the_readme():
    for name in COMMANDS:
        assert name == "search" or any(words.split()[:1] == [name] for words in commands()), name


def test_every_setting_of_a_file_is_an_option():
    _, options = parse(["--objective", "latency"])
    assert {key.setting for key in KEYS.values()} <= vars(options).keys()


def test_the_files_that_the_readme_names_are_there():
    tree = next(block for block in BLOCKS if "space/" in block and "evaluators/" in block)
    # The folder that each depth of indentation stands in.
    folders = {0: ROOT}
    for line in filter(str.strip, tree.splitlines()):
        name, depth = line.split()[0], len(line) - len(line.lstrip())
        path = folders[depth] / name
        if name.endswith("/"):
            assert path.is_dir(), path
            folders[depth + 2] = path
        elif name.endswith(".py"):
            assert path.is_file(), path
