"""What README and docs/ say is so: their commands, files, links and pictures."""

import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest

from search.commands.command_line import COMMANDS, MAIN, parse
from search.commands.exit_status import OK
from search.settings.keys import KEYS
from search.settings.study_files import STUDIES

# Fixtures.
from tests.evaluators.device.sshd import Board
from tests.search.conftest import board, sshd, started, user  # noqa: F401
from tests.search.user import User
from tests.search.whole import copy

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page: page.read_text() for page in PAGES}
# In a block a command has a line of its own; in a sentence it stands between backticks.
COMMAND = re.compile(r"(?:^ *|`)(?:python -m search|ondevice-search)((?: [^`\n]*)?)", re.MULTILINE)
BENCHMARK = re.compile(r"python -m (tests\.benchmarks\.\w+)|(tests/benchmarks/\w+\.py)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MOST_LINES = 150


def commands_of(text: str) -> list[str]:
    """The commands of a text, without their remarks and where their output goes; `study FILE` stands for any file's."""
    typed = (shlex.split(words.partition(" > ")[0], comments=True) for words in COMMAND.findall(text))
    return [shlex.join("m1" if word == "FILE" else word for word in words) for words in typed]


EVERY = list(dict.fromkeys(words for text in TEXTS.values() for words in commands_of(text) if words != "--version"))
# Trains or measures for minutes, wants data that are not here, or waits for Ctrl-C; tests of their own run these. The
# others are run below.
LONG = re.compile(
    r"baseline|sensitivity|confirm|measure|workers(?!.*--slurm)|status --watch|.*mnist|.*--data cifar10|"
    r"--architecture|devices meter"
)
BOARDS = re.compile(r"devices|.*--device pi")


@pytest.mark.parametrize("words", EVERY)
def test_every_command_is_one(words):
    parse(shlex.split(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_benchmark_that_a_page_names_is_there(page):
    for module, file in BENCHMARK.findall(TEXTS[page]):
        path = ROOT / (file or module.replace(".", "/"))
        assert path.exists() or path.with_suffix(".py").exists(), path


def test_every_command_there_is_stands_in_the_readme():
    first = {words.split()[0] for words in commands_of(TEXTS[README]) if words}
    assert set(COMMANDS) - {MAIN} <= first


def test_the_readme_is_short():
    assert len(TEXTS[README].splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_is_dead(page):
    for target in LINK.findall(TEXTS[page]):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            assert path.is_file(), target
            assert not anchor or anchor in anchors(path), target


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub and the site make them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_found_from_the_readme_and_from_the_first_page():
    for page, folder in ((README, "docs/"), (ROOT / "docs" / "index.md", "")):
        linked = {target.partition("#")[0] for target in LINK.findall(TEXTS[page])}
        assert {f"{folder}{other.name}" for other in PAGES if other.name not in ("README.md", "index.md")} <= linked


def test_the_files_that_the_architecture_names_are_there():
    blocks = re.findall(r"```\n(.*?)```", TEXTS[ROOT / "docs" / "architecture.md"], re.DOTALL)
    tree = next(block for block in blocks if "space/" in block and "evaluators/" in block)
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


def seen(picture: str) -> tuple[list[str], list[float]]:
    """What is written in it, and where its marks and lines of text stand: letters are drawn anew by each release."""
    places = re.findall(r'<(?:use|text) [^>]*?\bx="([-\d.]+)" y="([-\d.]+)"', picture)
    written = re.findall(r"<!-- (.*?) -->", picture) + re.findall(r">([^<]+)</text>", picture)
    return written, [float(number) for place in places for number in place]


def test_the_pictures_are_those_that_are_made_of_the_recorded_store(tmp_path: Path):
    pictures = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
    drawings = pictures["draw"](pictures["RECORDED"], tmp_path)
    for page, folder in ((README, "docs/pictures/"), (ROOT / "docs" / "index.md", "pictures/")):
        assert re.findall(r"!\[.*\]\((.*)\)", TEXTS[page]) == [folder + path.name for path in drawings]
    for path in drawings:
        written, places = seen(path.read_text())
        expected, expected_places = seen((ROOT / "docs" / "pictures" / path.name).read_text())
        assert written == expected
        assert written
        assert places == pytest.approx(expected_places, abs=1.0)
        assert places


def test_every_setting_of_a_file_is_an_option():
    _, options = parse(["--objective", "latency"])
    assert {key.setting for key in KEYS.values()} <= vars(options).keys()


@pytest.fixture
def at_home(started: Path, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:  # noqa: F811
    """A user in a folder with a store that a search made, and the files that the pages name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    copy(started, tmp_path / "studies" / "store")
    copy(started, tmp_path / "elsewhere")
    (tmp_path / "studies" / "reference").symlink_to(STUDIES / "reference")
    shutil.copyfile(STUDIES / "reference" / "quantized.csv", "table.csv")
    user.types("export", "--to", "bench.jsonl", "--store", "elsewhere")
    return user


def runs(who: User, words: str, **others: str) -> str:
    """A search and a grid end with their plan: whole ones are run in tests/search/running/test_whole_runs.py."""
    _, options = parse(shlex.split(words))
    begins = hasattr(options, "dry_run") and not options.dry_run
    typed = shlex.split(re.sub(" --study [a-z0-9]+", "", words)) + ["--dry-run"] * begins
    status, out, err = who.types(*typed, **others)
    assert status == OK, err
    return out


@pytest.mark.whole
@pytest.mark.parametrize("words", [words for words in EVERY if not LONG.match(words) and not BOARDS.match(words)])
def test_what_needs_no_board_runs_on_a_store_of_the_built_in_set(at_home: User, words: str):
    runs(at_home, words)


@pytest.mark.whole
def test_the_commands_for_boards_run_on_one(at_home: User, board: Board):  # noqa: F811
    at_home.knows(board)
    pages = [TEXTS[ROOT / "docs" / f"{name}.md"] for name in ("boards", "meters")]
    board_commands = [
        words for page in pages for words in commands_of(page) if BOARDS.match(words) and not LONG.match(words)
    ]
    assert len(board_commands) > 6
    # Its name is known until the last of them.
    for words in sorted(board_commands, key=lambda words: words.startswith("devices remove")):
        typed = words.replace("pi@raspberrypi.local", "board").replace("--device pi3-two", "")
        runs(at_home, typed, answer="yes\n")
