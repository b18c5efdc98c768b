"""Going: the page of a search while it goes on, written anew after each trial."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from search.export.html.page import write_page
from search.results.discretion import standings_for_others
from search.results.standings import standings
from search.store.goal import Goal
from search.store.store import Store
from space.errors import RequestError
from space.files import written_whole

# The share of a core that it may take while trials end faster than usual: a thousand of them are a third of a second.
_SHARE = 0.1


@dataclass
class GoingPage:
    path: Path
    # A page that cannot be written ends no search.
    warn: Callable[[str], None]
    # The page is not written again before this moment of the monotonic clock.
    _next: float = field(default=0.0, init=False)
    # The study that it is of; None before the first trial.
    _goal: Goal | None = field(default=None, init=False)

    def after_trial(self, store: Store, goal: Goal) -> None:
        self._goal = goal
        if time.monotonic() < self._next:
            return
        begun = time.thread_time()
        self._write(store, goal, live=True)
        self._next = time.monotonic() + (time.thread_time() - begun) / _SHARE

    def end(self, store: Store) -> None:
        """However the run ended: with what is known by now, and not opened anew any more."""
        if self._goal is not None:
            self._write(store, self._goal, live=False)

    def _write(self, store: Store, goal: Goal, *, live: bool) -> None:
        ranking = standings_for_others(standings(store, goal), here=store.device(goal.bench_id).on_this_machine)
        try:
            # A browser that opens it meanwhile finds the former one.
            with written_whole(self.path) as beside:
                write_page(beside, self.path.suffix, store, ranking, live=live)
        except OSError as error:
            self.warn(f"--page {self.path} cannot be written: {error.strerror}")


def going_page(path: Path, warn: Callable[[str], None]) -> GoingPage:
    """RequestError where it cannot be, before anything is trained."""
    if path.suffix != ".html":
        raise RequestError(f"--page {path}: the page is a file that ends in .html")
    if not path.parent.is_dir():
        raise RequestError(f"--page {path}: there is no folder {path.parent}; make it, or name another")
    return GoingPage(path, warn)
