"""A board's clock told from round trips: whatever its offset, drift and network; and when it cannot be told."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from evaluators.errors import MeterError
from evaluators.power.clock import BoardClock, board_clock


@dataclass(frozen=True)
class Trip:
    sent_s: float
    board_s: float
    received_s: float


@dataclass(frozen=True)
class Board:
    """A board's clock as ours would have it, and a network with a quick way out and a slow way back, or the other
    way."""

    ahead_s: float = 3.0
    drift: float = 40e-6
    out_s: float = 0.001
    back_s: float = 0.004
    jitter_s: float = 0.003

    def clock_s(self, ours_s: float) -> float:
        return (ours_s - 1000.0) * (1 + self.drift) + 1000.0 + self.ahead_s

    def trips(self, begin_s: float, count: int = 12, seed: int = 0) -> list[Trip]:
        draw = random.Random(seed)
        trips = []
        for number in range(count):
            sent_s = begin_s + 0.03 * number
            there_s = sent_s + self.out_s + self.jitter_s * draw.expovariate(1)
            trips.append(
                Trip(sent_s, self.clock_s(there_s), there_s + self.back_s + self.jitter_s * draw.expovariate(1))
            )
        return trips

    def told(self, seed: int = 0) -> BoardClock:
        return board_clock(self.trips(1000.0, seed=seed), self.trips(1061.0, seed=seed + 1000))


BOARDS = {
    "same clock": Board(ahead_s=0.0, drift=0.0),
    "3 s ahead, fast": Board(),
    "3 s behind, slow": Board(ahead_s=-3.0, drift=-90e-6),
    "just started": Board(ahead_s=-990.0),
    "slewed by NTP": Board(drift=450e-6),
    "far away": Board(out_s=0.08, back_s=0.02, jitter_s=0.03),
}


@pytest.mark.parametrize("name", BOARDS)
def test_a_moment_of_the_board_is_ours_within_its_doubt(name: str) -> None:
    board = BOARDS[name]
    for seed in range(50):
        clock = board.told(seed)
        for ours_s in (1000.0, 1000.5, 1030.0, 1061.3, 1091.0):
            moment = clock.ours(board.clock_s(ours_s))
            assert abs(moment.time_s - ours_s) <= moment.doubt_s + 1e-9


def test_the_doubt_is_half_of_the_quickest_round_trip() -> None:
    board = Board(jitter_s=0.0)
    assert board.told().ours(board.clock_s(1030.0)).doubt_s == pytest.approx(0.0025, rel=0.01)


def test_one_slow_round_trip_spoils_nothing() -> None:
    board = Board(jitter_s=0.0)
    slow = [Trip(trip.sent_s, trip.board_s, trip.received_s + 2) for trip in board.trips(1000.0)[:-1]]
    clock = board_clock([*slow, board.trips(1000.0)[-1]], board.trips(1061.0))
    assert clock.ours(board.clock_s(1030.0)).doubt_s < 0.003


def test_the_drift_is_what_our_clock_gains() -> None:
    assert Board(drift=-90e-6, jitter_s=0.0).told().drift == pytest.approx(90e-6, abs=1e-6)


def test_beyond_its_ends_the_clock_is_told_with_more_doubt() -> None:
    board = Board()
    clock = board.told()
    assert clock.ours(board.clock_s(1120.0)).doubt_s > 1.5 * clock.ours(board.clock_s(1030.0)).doubt_s


def shifted(trips: Sequence[Trip], by_s: float) -> list[Trip]:
    return [Trip(trip.sent_s, trip.board_s + by_s, trip.received_s) for trip in trips]


def test_a_clock_that_jumped_during_the_load_is_a_fault_with_its_figure() -> None:
    board = Board()
    with pytest.raises(MeterError, match=r"was 0\.2\d\d s fast after 61 s \(4\d\d\d ppm, at most 500 are plausible\)"):
        board_clock(board.trips(1000.0), shifted(board.trips(1061.0), 0.25))


def test_a_clock_that_runs_implausibly_is_a_fault() -> None:
    with pytest.raises(MeterError, match=r"slow after .* ppm"):
        Board(drift=-900e-6).told()


def test_a_clock_that_jumped_between_two_pings_is_a_fault() -> None:
    trips = Board().trips(1000.0)
    with pytest.raises(MeterError, match=r"jumped by 0\.0\d\d s between two pings"):
        board_clock([*shifted(trips[:4], -0.025), *trips[4:]], Board().trips(1061.0))


def test_a_clock_that_went_back_is_a_fault() -> None:
    with pytest.raises(MeterError, match=r"went back by 38\.\d+ s"):
        board_clock(Board().trips(1000.0), shifted(Board().trips(1061.0), -100))


@pytest.mark.parametrize(("before", "after", "named"), [(2, 12, "2 pings before"), (12, 0, "0 pings after")])
def test_a_board_that_hardly_answers_cannot_be_dated(before: int, after: int, named: str) -> None:
    with pytest.raises(MeterError, match=named):
        board_clock(Board().trips(1000.0, before), Board().trips(1061.0, after))
