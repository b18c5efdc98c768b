"""A board's clock told against ours, by round trips before and after what is to be dated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluators.errors import MeterError

# adjtimex(2): a kernel slews a clock by at most this; a crystal alone is within a tenth of it.
PLAUSIBLE_DRIFT = 500e-6
# Fewer answers than this on one side, and one slow network decides.
LEAST_TRIPS = 3


class RoundTrip(Protocol):
    """At some moment between these two of our clock, the board's clock said `board_s`."""

    @property
    def sent_s(self) -> float: ...

    @property
    def board_s(self) -> float: ...

    @property
    def received_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on our clock, give or take the doubt."""

    time_s: float
    doubt_s: float


@dataclass(frozen=True, slots=True)
class _Offset:
    """Ours less the board's, when the board's clock said `board_s`; the doubt is a bound."""

    board_s: float
    offset_s: float
    doubt_s: float


@dataclass(frozen=True, slots=True)
class BoardClock:
    """Runs evenly between its two ends: so it was at one, so at the other."""

    first: _Offset
    last: _Offset

    @property
    def drift(self) -> float:
        """Seconds that ours gains on it per second."""
        return (self.last.offset_s - self.first.offset_s) / (self.last.board_s - self.first.board_s)

    def ours(self, board_s: float) -> Moment:
        share = (board_s - self.first.board_s) / (self.last.board_s - self.first.board_s)
        offset_s = self.first.offset_s + share * (self.last.offset_s - self.first.offset_s)
        # Outside of the two ends, the doubt of either reaches farther.
        doubt_s = abs(1 - share) * self.first.doubt_s + abs(share) * self.last.doubt_s
        return Moment(board_s + offset_s, doubt_s)


def board_clock(before: Sequence[RoundTrip], after: Sequence[RoundTrip]) -> BoardClock:
    """The clock, from the quickest trip of each side; all others have to agree. MeterError if it cannot be told."""
    for trips, when in ((before, "before"), (after, "after")):
        if len(trips) < LEAST_TRIPS:
            raise MeterError(
                f"the board answered {len(trips)} pings {when} the load, {LEAST_TRIPS} are needed to tell its clock: "
                "is the network overloaded?"
            )
    clock = BoardClock(_offset(before), _offset(after))
    _check_drift(clock)
    for trip in (*before, *after):
        _check_agrees(clock, trip)
    return clock


def _offset(trips: Sequence[RoundTrip]) -> _Offset:
    """Who is quickest says it best: the board read its clock somewhere between the two times of ours."""
    quickest = min(trips, key=lambda trip: trip.received_s - trip.sent_s)
    half_s = (quickest.received_s - quickest.sent_s) / 2
    return _Offset(quickest.board_s, quickest.sent_s + half_s - quickest.board_s, half_s)


def _check_drift(clock: BoardClock) -> None:
    span_s = clock.last.board_s - clock.first.board_s
    if span_s <= 0:
        raise MeterError(f"the board's clock went back by {-span_s:.3f} s during the load; restart the board")
    gained_s = clock.last.offset_s - clock.first.offset_s
    if abs(gained_s) - clock.first.doubt_s - clock.last.doubt_s > PLAUSIBLE_DRIFT * span_s:
        raise MeterError(
            f"the board's clock was {abs(gained_s):.3f} s {'slow' if gained_s > 0 else 'fast'} after {span_s:.0f} s "
            f"({abs(clock.drift) * 1e6:.0f} ppm, at most {PLAUSIBLE_DRIFT * 1e6:.0f} are plausible): "
            "was it set, or the board suspended? measure again"
        )


def _check_agrees(clock: BoardClock, trip: RoundTrip) -> None:
    moment = clock.ours(trip.board_s)
    # The clock may have drifted otherwise since its end was told.
    near_s = min(abs(trip.board_s - end.board_s) for end in (clock.first, clock.last))
    doubt_s = moment.doubt_s + PLAUSIBLE_DRIFT * near_s
    jump_s = max(trip.sent_s - moment.time_s, moment.time_s - trip.received_s)
    if jump_s > doubt_s:
        raise MeterError(
            f"the board's clock jumped by {jump_s:.3f} s between two pings: was it set, or the board suspended? "
            "measure again"
        )
