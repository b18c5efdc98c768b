"""What the live screen costs: `python -m tests.benchmarks.redraws`.

A picture, what is kept for who watches from elsewhere, a look into the store, and the page, of a study of a thousand
trials, in milliseconds of a core.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from search.export.html.going import going_page
from search.results.terminal import plain_console
from search.running.doing import keep
from search.running.view import EVERY_S, View
from tests.search.landscape import landscape

SIZES = ((80, 24), (120, 40), (200, 60))
TRIALS = 1000


def taken_ms(task: Callable[[], object], times: int) -> float:
    begun = time.thread_time()
    for _ in range(times):
        task()
    return 1e3 * (time.thread_time() - begun) / times


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as file:  # noqa: PTH123
        store, goal = landscape(Path(folder) / "store", TRIALS)
        for width, height in SIZES:
            console = plain_console(file=file, force_terminal=True, width=width, height=height, soft_wrap=True)
            view = View(24, console=console, whole_screen=True, every_s=3600.0)
            view.of(store, [goal], 24, time.time() + 1000)
            builder = view.place("builder 1")
            shares = iter(range(1, 1000))

            def picture(view: View = view, builder: Callable[[str, float], None] = builder) -> None:
                builder("abc: fine-tune", next(shares) / 1000)  # noqa: B023
                view._draw()

            with view:
                drawn_ms = taken_ms(picture, 200)
                kept_ms = taken_ms(lambda view=view: keep(view._at_work(), store.folder), 200)  # type: ignore[misc]
                looked_ms = taken_ms(view._look, 5)
            share = 100 * (drawn_ms + kept_ms) / 1e3 / EVERY_S
            print(
                f"{width} x {height}: a picture {drawn_ms:.2f} ms, kept for others {kept_ms:.2f} ms: every {EVERY_S} s "
                f"that is {share:.2f} % of a core; a look into the store {looked_ms:.0f} ms"
            )
        page = going_page(Path(folder) / "front.html", print)
        print(f"the page of {TRIALS} trials: {taken_ms(lambda: page._write(store, goal, live=True), 3):.0f} ms")


if __name__ == "__main__":
    main()
