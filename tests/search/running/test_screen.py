"""What a search shows on a terminal: a real one in a pseudo-terminal, and studies of every size."""

import random
import re
import time
from dataclasses import replace

import pytest
from rich.cells import cell_len

from search.commands.exit_status import OK
from search.results.standings import standings
from search.results.terminal import plain_console
from search.running.doing import Doing, Work, kept
from search.running.screen import screen
from search.running.studied import studied
from search.running.view import EVERY_S, View
from search.store.store import Store
from tests.search.landscape import landscape
from tests.search.made_up import GOAL, distinct, evaluation, store_with
from tests.search.terminal import Terminal, shown
from tests.search.whole import ROOT, SEARCH, copy, environment

# The search as a user starts it, with less to time, and drawn so often that a short run is enough.
DRAWN_OFTEN = """
import sys
from search.results import terminal
from search.running import view
# Every other picture is written whole.
view.EVERY_S, terminal._WHOLE_AFTER = 0.02, 2
from tests.search.quick import main
if __name__ == "__main__":
    sys.argv[0] = "search"
    sys.exit(main())
"""
FRAMES = 200
WORK = Work(
    "trials",
    24,
    7,
    1000.0,
    1900.0,
    doing=(
        Doing("search", "trial 8 cff2eb99f89d:", 0.0, 1099.0),
        Doing("builder 1", "cff2eb99f89d: fine-tune", 0.4, 1080.0),
        Doing("board a.board.with.a.long.name", "8b45366cf049: timing", 0.75, 1090.0),
    ),
    warnings=("WARNING: " + "a board that is somewhat long in its words; " * 5, "another"),
    said=("trial 7 was well", "x" * 300),
)


@pytest.mark.whole
def test_a_real_search_shows_its_trials_on_one_screen_and_no_line_of_it_is_longer(started, tmp_path):
    program = tmp_path / "drawn_often.py"
    program.write_text(DRAWN_OFTEN)
    store = copy(started, tmp_path / "store")
    terminal = Terminal(80, 24)
    run = environment() | {"PYTHONPATH": str(ROOT)}
    command = ["python", str(program), *SEARCH, "--store", str(store), "--trials", "3", "--timeout", "10m"]
    command += ["--page", str(tmp_path / "front.html")]
    assert shown(command, run, ROOT, terminal) == OK
    assert len(terminal.frames) >= FRAMES
    assert terminal.overrun == []
    last = terminal.frames[-1]
    assert any("3/3 trials" in line for line in last)
    assert any("none begins after 9:" in line for line in terminal.frames[len(terminal.frames) // 2])
    # What they were doing, now and then.
    busy = {line.split("  ")[0] for frame in terminal.frames for line in frame if re.match(r"b\w+ \w+ +\w+: \w", line)}
    assert busy == {"builder 1", "board local"}
    assert any("accuracy against latency" in line for line in last)
    # The page has all of it, and follows no more.
    page = (tmp_path / "front.html").read_text()
    ranking = standings(Store.existing(store), Store.existing(store).studies()[0])
    assert page.count("<tr data-row=") == len(ranking.rows) > 3
    assert 'id="live"' not in page
    # Nobody is left to watch.
    assert kept(store) is None


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return landscape(tmp_path_factory.mktemp("large") / "store", 300)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (40, 10)])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_it_fits_screens_of_every_size(large, tmp_path, width, height, count):
    store, goal = large if count == 300 else landscape(tmp_path / "store", count)
    of_study = studied(store, [goal, replace(goal, objective="latency")])
    for work in (WORK, None, replace(WORK, count=0, doing=WORK.doing * 20)):
        lines = screen(of_study, work, 1100.0, width, height)
        assert len(lines) <= height
        assert max(cell_len(line.plain) for line in lines) <= width
    # Everything has its place, where there is room for it.
    text = "\n".join(line.plain for line in screen(of_study, WORK, 1100.0, width, height))
    if height >= 24:
        assert "7/24 trials, 100 s gone, none begins after 13:20 more" in text.replace("2 min", "100 s")
        assert "30 s left" in text
        assert "! another" in text
        assert "a board that is somewhat long" in text
        assert "unpruned" in text
        # Once in the legend.
        assert text.count("●") == (1 if count == 0 else 2)


def test_where_time_alone_is_the_limit_the_bar_is_the_time(large):
    store, goal = large
    of_study = studied(store, [goal])
    first = screen(of_study, replace(WORK, count=0), 1100.0, 120, 40)[1].plain
    assert f"{WORK.ended} trials, " in first
    later = screen(of_study, replace(WORK, count=0), 1800.0, 120, 40)[1].plain
    assert 0 < first.count("━") < later.count("━") < later.count("━") + later.count("╌")


def test_a_dot_stands_where_its_network_does(tmp_path):
    figures = [(0.75, 1.0), (0.80, 3.0), (0.90, 9.0)]
    evaluations = [
        evaluation(made=recipe, share=share, latency_ms=ms)
        for recipe, (share, ms) in zip(distinct(3), figures, strict=True)
    ]
    lines = [
        line.plain for line in screen(studied(store_with(tmp_path / "s", evaluations), [GOAL]), WORK, 1100.0, 80, 30)
    ]
    plot = lines[next(row for row, line in enumerate(lines) if line.startswith("accuracy against")) + 1 :]
    (best,) = [(row, line.index("●")) for row, line in enumerate(plot) if "●" in line]
    fronts = [(row, column) for row, line in enumerate(plot) for column, letter in enumerate(line) if letter == "o"][:2]
    # From above to below: the more accurate are further right.
    assert fronts == sorted(fronts, key=lambda place: -place[1])
    assert best[0] > max(row for row, _ in fronts)
    assert best[1] < min(column for _, column in fronts)
    assert any("╌╌╌" in line and "72 %" in line for line in plot)


def test_redraws_cost_less_than_a_hundredth_of_a_core(large, tmp_path):
    store, goal = large
    with (tmp_path / "drawn").open("w") as file:
        console = plain_console(file=file, force_terminal=True, width=200, height=60, soft_wrap=True)
        view = View(24, console=console, whole_screen=True, every_s=3600.0)
        view.of(store, [goal], 24, time.time() + 1000)
        builder, draw = view.place("builder 1"), random.Random(0)
        with view:
            pictures, begun = 200, time.thread_time()
            for place in range(pictures):
                builder(f"{place // 10}: fine-tune", draw.random())
                view._tick()
            taken_s = time.thread_time() - begun
    assert taken_s / pictures / EVERY_S < 0.01


def test_what_is_said_meanwhile_stands_on_the_terminal_afterwards(tmp_path, capfd):
    with (tmp_path / "drawn").open("w") as file:
        console = plain_console(file=file, force_terminal=True, width=80, height=24, soft_wrap=True)
        with View(2, console=console, whole_screen=True) as view:
            view.say("one \x1b[2J")
            view.warn("two")
            print("three", file=__import__("sys").stderr)
    left, _, after = (tmp_path / "drawn").read_text().rpartition("\x1b[?1049l")
    assert [line.strip() for line in after.replace("\x1b[?25h", "").splitlines()] == ["one  [2J", "two", "three"]
    assert "\x1b[?1049h" in left
