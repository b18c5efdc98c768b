"""View: what a person sees while a search runs. On a terminal a live picture, in a pipe one line per trial.

Talk goes to stderr, a trial's line to stdout where that is a pipe.
"""

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from search.results.standings import Standings
from search.results.terminal import plain, plain_console
from search.results.wording import line


@dataclass
class View(AbstractContextManager["View"]):
    """Told by the pipeline what happens; `step` may be called from any thread."""

    trials: int
    # What is counted, in the plural.
    what: str = "trials"
    console: Console = field(default_factory=lambda: plain_console(stderr=True, soft_wrap=True))

    def __post_init__(self) -> None:
        self._live = self.console.is_terminal
        # A step is named in a board's own words, which may look like markup.
        name = TextColumn("{task.description:<52}", markup=False)
        share = TextColumn("{task.completed:.0f}/{task.total:.0f}", markup=False)
        self._stage = Progress(name, BarColumn(24), TimeElapsedColumn(), console=self.console)
        self._overall = Progress(name, BarColumn(24), share, console=self.console)
        self._stage_task = self._stage.add_task("", total=1.0)
        self._overall_task = self._overall.add_task(self.what, total=self.trials)
        self._best: dict[str, str] = {}
        self._prefix = ""
        # What each line of a step says.
        self._shown: dict[TaskID, str] = {}
        self._change = threading.Lock()
        self._picture = Live(get_renderable=self._render, console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._live:
            self._picture.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._picture.stop()

    def say(self, text: str) -> None:
        self.console.print(Text(plain(text)))

    def step(self, name: str, share: float) -> None:
        self._show(self._stage_task, self._prefix, name, share)

    def builder(self, number: int) -> Callable[[str, float], None]:
        """For the steps of one of several builders: each has a line of its own."""
        line = self._stage.add_task(f"builder {number}", total=1.0)
        return partial(self._show, line, f"builder {number}: ")

    def _show(self, line: TaskID, prefix: str, name: str, share: float) -> None:
        description = plain(f"{prefix}{name}")
        with self._change:
            if self._shown.get(line) != description:
                self._shown[line] = description
                self._stage.reset(line, description=description)
            self._stage.update(line, completed=share)

    def begin(self, prefix: str) -> None:
        """What the steps that follow belong to."""
        self._prefix = prefix
        self.step("", 0)

    def advance(self, text: str = "") -> None:
        """One more of what is no trial and no result."""
        self._overall.advance(self._overall_task)
        if text:
            self.say(text)

    def finished(self, text: str, standings: dict[str, Standings]) -> None:
        self._overall.advance(self._overall_task)
        for name, ranking in standings.items():
            if ranking.best:
                self._best[name] = f"best {name}: {line(ranking.row(ranking.best), name)}"
        # A result: where stdout is a pipe it is for whoever reads that.
        if sys.stdout.isatty():
            self.say(text)
        else:
            print(plain(text), flush=True)

    def _render(self) -> RenderableType:
        bars = [self._overall, self._stage] if self.trials else [self._stage]
        return Group(*bars, *(Text(plain(best)) for best in self._best.values()))
