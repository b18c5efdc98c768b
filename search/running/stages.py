"""Stages: what a trial on its way waits for, from its first look to the end of those that were asked for before it."""

from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


class Stage(Enum):
    FOLLOWING = "the leader is timed again, as the reference has moved"
    DRAFTING = "the file of its untrained structure is made"
    TIMING = "its structure is timed"
    TRAINING = "it is built, and judged on validation"
    RACING = "it is measured, as its accuracy lets it lead"
    ITS_TURN = "it could end, once those have whose turn is before"


@dataclass(frozen=True, slots=True)
class Waiting:
    stage: Stage
    # The task that is waited for; None for a trial that waits for its turn.
    task: Future[Any] | None

    def over(self, in_turn: bool) -> bool:
        """`in_turn`: the trial may end now."""
        return in_turn if self.task is None else self.task.done()


ITS_TURN = Waiting(Stage.ITS_TURN, None)
# A trial, or a part of it, that says each time what it waits for, and in the end what came of it.
Stages = Generator[Waiting, None, T]
