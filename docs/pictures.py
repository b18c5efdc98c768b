"""The pictures of README and of the first page, from a store: `python docs/pictures.py` writes docs/pictures/.

The store is one that a test keeps, of a real search on the built-in images, confirmed, as an earlier version ran it.
Another one's folder may be named instead.
"""

import argparse
import io
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from rich._export_format import CONSOLE_SVG_FORMAT

from search.export.figure import write_figure
from search.results.discretion import standings_for_others
from search.results.report import print_standings
from search.results.standings import Standings, standings
from search.results.terminal import plain_console
from search.store.store import Store

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "tests" / "recorded" / "2026-11"
FOLDER = ROOT / "docs" / "pictures"
# Characters: so wide a terminal shows what decides, and letters stay legible in a picture of 800 pixels.
WIDTH = 124
TYPED = "python -m search rank --top 5"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=RECORDED, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--to", type=Path, default=FOLDER, metavar="DIR", help="default: %(default)s")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for path in draw(options.store, options.to):
        print(path)


def draw(recorded: Path, folder: Path) -> list[Path]:
    with TemporaryDirectory() as beside:
        # Nothing is written beside what is recorded.
        shutil.copy(recorded / "search.db", beside)
        store = Store.existing(Path(beside))
        goal = next(goal for goal in store.studies() if not goal.grid)
        here = store.device(goal.bench_id).on_this_machine
        # The front as `export` writes it, and the leaders as `rank` prints them.
        shown = standings_for_others(standings(store, goal), here=here)
        terminal, front = folder / "rank.svg", folder / "front.svg"
        terminal.write_text(_terminal(shown))
        write_figure(front, front.suffix, store, shown)
    return [terminal, front]


def _terminal(shown: Standings) -> str:
    console = plain_console(file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor")
    console.print(f"$ {TYPED}", style="green")
    print_standings(console, shown, top=5)
    return console.export_svg(title="", code_format=_WITHOUT_FONTS, unique_id="search")


def _without_fonts(text: str) -> str:
    """A page that shows a picture fetches nothing for it: the reader's own letters do."""
    head, _, rest = text.partition("    @font-face")
    return head + rest[rest.rindex("    @font-face") :].partition("}}\n")[2]


_WITHOUT_FONTS = _without_fonts(CONSOLE_SVG_FORMAT).replace("Fira Code, monospace", "ui-monospace, Menlo, monospace")

if __name__ == "__main__":
    main()
