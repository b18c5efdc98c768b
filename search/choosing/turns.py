"""Turns: the studies of a run ask one after the other, until each has nothing left to ask for."""

from collections import deque
from collections.abc import Callable, Sequence

from search.choosing.study import Study


class Turns:
    def __init__(self, studies: Sequence[Study], say: Callable[[str], None]) -> None:
        self._turns = deque(studies)
        # The studies that had nothing to ask for while others' recipes were on their way, and why.
        self._paused: dict[Study, str] = {}
        self._several = len(studies) > 1
        self._say = say

    def next(self) -> Study | None:
        """None while there is nobody to ask."""
        if not self._turns:
            return None
        self._turns.rotate(-1)
        return self._turns[-1]

    @property
    def asked_last(self) -> Study | None:
        return self._turns[-1] if self._turns else None

    def pause(self, study: Study, reason: str) -> None:
        """What is on its way may give it something to ask for."""
        self._turns.remove(study)
        self._paused[study] = reason

    def drop(self, study: Study, reason: str) -> None:
        """Takes it out for good; the others go on."""
        self._turns.remove(study)
        self._say(f"{study.goal.objective}: {reason}" if self._several else reason)

    def resume(self) -> bool:
        """Once nothing is on its way any more; False where nobody had paused."""
        paused = list(self._paused)
        self._turns.extend(paused)
        self._paused.clear()
        return bool(paused)

    def end(self) -> None:
        for study, reason in list(self._paused.items()):
            self._turns.append(study)
            self.drop(study, reason)
