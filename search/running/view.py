"""View: what a person sees while a search runs. On a terminal a live screen, in a pipe one line per trial.

Talk goes to stderr, a trial's line to stdout where that is a pipe.
"""

import io
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, redirect_stderr
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from search.results.terminal import plain, plain_console, whole_screen
from search.running.doing import SAID, WARNINGS, Doing, Work, forget, keep
from search.running.screen import running, screen
from search.running.studied import Studied, studied
from search.store.goal import Goal
from search.store.store import Store

# Seconds between two pictures, and at least between two looks into the store.
EVERY_S = 0.5
# The share of a core that looks into the store may take.
_LOOKING = 0.005
# Where the run itself says what it is at; the places from above to below, by their first word.
_RUN, BUILDER, WORKER, BOARD = "search", "builder", "worker", "board"
_ORDER = (_RUN, BUILDER, WORKER, BOARD)


def _nothing(*about: object) -> None:
    return None


@dataclass
class View(AbstractContextManager["View"]):
    """What a person sees of a run, told by the pipeline what happens; `step` may be called from any thread."""

    trials: int
    # What is counted, in the plural.
    what: str = "trials"
    console: Console = field(default_factory=lambda: plain_console(stderr=True, soft_wrap=True))
    # The whole screen, which a search of hours is worth; what was said is printed when it is left.
    whole_screen: bool = False
    every_s: float = field(default_factory=lambda: EVERY_S)
    # What else is to be done with the first study, before the first trial and once one has ended.
    after_trial: Callable[[Store, Goal], None] = field(default_factory=lambda: _nothing)

    def __post_init__(self) -> None:
        self._live = self.console.is_terminal and not self.console.is_dumb_terminal
        self._work = Work(self.what, self.trials, ended=0, begun=time.time())
        self._doing: dict[str, Doing] = {}
        self._warnings: deque[str] = deque(maxlen=WARNINGS)
        self._lately: deque[str] = deque(maxlen=SAID)
        self._prefix = ""
        self._change = threading.Lock()
        # Looks into the store; asked by the thread that tells of trials, which may.
        self._look: Callable[[], Studied | None] = lambda: None
        # The moment of the next look, on the monotonic clock.
        self._next_look = 0.0
        self._studied: Studied | None = None
        # The folder in which others read what is at work.
        self._folder: Path | None = None
        # What is printed once the whole screen is left; None where what is said is printed at once.
        self._buffer: list[str] | None = None
        self._draw: Callable[[], None] = _nothing
        self._ended: Callable[[], None] = _nothing
        self._stack = ExitStack()
        self._end = threading.Event()

    def of(self, store: Store, goals: Sequence[Goal], trials: int | None, until: float | None) -> None:
        """Shows a search, whose first study is shown in full; `until`: when no trial begins any more, as a Unix time.
        Either limits the run, or both."""
        self._look, self._folder = partial(studied, store, goals), store.folder
        self._ended = partial(self.after_trial, store, goals[0])
        ids = tuple(goal.id for goal in goals)
        self._work = replace(self._work, studies=ids, count=trials or 0, begun=time.time(), until=until)
        self._look_again()
        self._ended()

    def __enter__(self) -> Self:
        self._end.clear()
        if self._live:
            self._draw = self._whole(self._stack) if self.whole_screen else self._inline(self._stack)
        thread = threading.Thread(target=self._go_on, name="view", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._end.set)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._draw = _nothing
        if self._folder:
            forget(self._folder)

    def _whole(self, stack: ExitStack) -> Callable[[], None]:
        """The terminal's other screen; what libraries write to stderr meanwhile is said, as it would be drawn over."""
        # The one that there is now: stderr is another one in a moment.
        self.console.file = self.console.file
        self._buffer = []
        stack.callback(self._print_buffer)
        shown = stack.enter_context(whole_screen(self.console))
        stack.enter_context(redirect_stderr(_Said(self.say)))
        return lambda: shown.draw(self._screen())

    def _inline(self, stack: ExitStack) -> Callable[[], None]:
        live = Live(get_renderable=self._lines, console=self.console, auto_refresh=False, transient=True)
        stack.enter_context(live)
        return live.refresh

    def _print_buffer(self) -> None:
        buffer, self._buffer = self._buffer or [], None
        for text in buffer:
            self.console.print(Text(text))

    def _go_on(self) -> None:
        """Draws, and tells others, until the end, and what came last."""
        self._tick()
        while not self._end.wait(self.every_s):
            self._tick()
        self._tick()

    def _tick(self) -> None:
        self._draw()
        if self._folder:
            keep(self._at_work(), self._folder)

    def _at_work(self) -> Work:
        with self._change:
            doing = tuple(sorted(self._doing.values(), key=lambda each: _ORDER.index(each.place.split()[0])))
            warnings, lately = tuple(self._warnings), tuple(self._lately)
        return replace(self._work, doing=doing, warnings=warnings, said=lately)

    def _screen(self) -> list[Text]:
        return screen(self._studied, self._at_work(), time.time(), self.console.width, self.console.height)

    def _lines(self) -> RenderableType:
        return Group(*running(self._at_work(), time.time(), self.console.width, self.console.height // 2))

    def say(self, text: str) -> None:
        with self._change:
            self._lately.append(text)
        if self._buffer is None:
            self.console.print(Text(plain(text)))
        else:
            self._buffer.append(plain(text))

    def warn(self, text: str) -> None:
        """What may cost a result, which has a place of its own on the screen."""
        with self._change:
            self._warnings.append(text)
        self.say(text)

    def step(self, name: str, share: float) -> None:
        self._show(_RUN, f"{self._prefix}{name}", share)

    def place(self, name: str) -> Callable[[str, float], None]:
        """A place for the steps of a builder or of a board: each has a row of its own."""
        self._show(name, "", 0.0)
        return partial(self._show, name)

    def worker(self, name: str, step: str, share: float, busy: float) -> None:
        """Shows a worker of a cluster; `busy`: so much of its time it was at work so far."""
        self._show(f"{WORKER} {name}", step, share, busy)

    def worker_gone(self, name: str) -> None:
        with self._change:
            self._doing.pop(f"{WORKER} {name}", None)

    def _show(self, place: str, step: str, share: float, busy: float | None = None) -> None:
        with self._change:
            known = self._doing.get(place)
            goes_on = known is not None and known.step == step and known.share <= share
            since = known.since if known and goes_on else time.time()
            self._doing[place] = Doing(place, step, share, since, busy)

    def begin(self, prefix: str) -> None:
        """What the steps that follow belong to."""
        self._prefix = prefix
        self.step("", 0)

    def advance(self, text: str = "") -> None:
        """One more has ended of what is no trial and no result."""
        self._work = replace(self._work, ended=self._work.ended + 1)
        if text:
            self.say(text)

    def finished(self, text: str) -> None:
        """One trial more has ended."""
        self.advance()
        self._ended()
        if self._live and time.monotonic() >= self._next_look:
            self._look_again()
        # A result: where stdout is a pipe it is for whoever reads that.
        if sys.stdout.isatty():
            self.say(text)
        else:
            print(plain(text), flush=True)

    def _look_again(self) -> None:
        """A study of a thousand trials takes some hundredths of a second: where they end fast not each is worth it."""
        if self._live:
            begun = time.thread_time()
            self._studied = self._look()
            self._next_look = time.monotonic() + max(self.every_s, (time.thread_time() - begun) / _LOOKING)


class _Said(io.TextIOBase):
    """A file whose lines are said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._rest = say, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(None, lines):
            self._say(line)
        return len(text)
