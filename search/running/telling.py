"""Telling: which trial may be told next, and whether another one is asked for before that.

Builders of this machine are alike: trials are told by the timetable, and the same are asked for whatever is done first.
Workers of a cluster are not, and one that waited for another one's trial would stand idle: theirs are told as they end.
A replay does as was recorded, in either case.
"""

from collections import deque
from collections.abc import Collection, Iterable


class Telling:
    def __init__(self, by_timetable: bool, recorded: Iterable[str] = ()) -> None:
        """`recorded`: as in `DeviceInfo.trials`."""
        self._by_timetable = by_timetable
        self._recorded = deque(recorded)

    def asks(self, on_their_way: Collection[str]) -> bool | None:
        """Whether another one was asked for next; None where nothing is recorded of it."""
        return self._recorded[0] not in on_their_way if self._recorded else None

    def may_end(self, on_their_way: list[str]) -> list[str]:
        """Which of these recipes may end, in the order of the timetable."""
        if self._recorded and self._recorded[0] in on_their_way:
            return [self._recorded[0]]
        # Where no more is asked for, unlike then, the run goes on by its own rule.
        self._recorded.clear()
        return on_their_way[:1] if self._by_timetable else on_their_way

    def seen(self, recipe_id: str) -> None:
        """The recipe was asked for, or told. Another run than the recorded one goes on by its own rule."""
        if self._recorded and self._recorded.popleft() != recipe_id:
            self._recorded.clear()
