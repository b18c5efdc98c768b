"""The order in which trials end."""

from dataclasses import replace

from search.choosing.time_left import cost
from search.running.timetable import _JUDGING, _TIMING, Timetable
from tests.search.made_up import recipe

SHORT, LONG = (replace(recipe(seed), epochs=epochs) for seed, epochs in ((0, 1), (1, 32)))
QUANTIZED = replace(LONG, quantization="static_int8")
SHORT_TAKES, LONG_TAKES = (cost(each, each.epochs) + _JUDGING for each in (SHORT, LONG))


def short(seed: int):
    return replace(SHORT, seed=seed)


def test_by_one_builder_trials_end_in_the_order_in_which_they_were_asked_for():
    timetable = Timetable(1, 2)
    asked = [(LONG, True), (short(10), False), (short(11), True), (QUANTIZED, False), (short(12), True)]
    ends = [timetable.end_of(*each) for each in asked]
    assert ends == sorted(ends)
    # The quantized one has its weights by then.
    assert ends[3] == ends[2] + _JUDGING


def test_by_several_short_ones_end_while_a_long_one_is_on_its_way():
    timetable = Timetable(2, 1)
    ends = [timetable.end_of(each, True) for each in (LONG, short(10), short(11))]
    assert ends == [LONG_TAKES, SHORT_TAKES, 2 * SHORT_TAKES]
    # Who is asked for now begins no earlier than what was told before, though the second builder were free.
    timetable.told(LONG_TAKES)
    assert timetable.end_of(short(12), True) == LONG_TAKES + SHORT_TAKES


def test_what_is_not_timed_yet_waits_for_a_board():
    one_board, two_boards = Timetable(4, 1), Timetable(4, 2)
    assert [one_board.end_of(short(seed), False) - SHORT_TAKES for seed in range(3)] == [
        _TIMING,
        2 * _TIMING,
        3 * _TIMING,
    ]
    assert [two_boards.end_of(short(seed), False) - SHORT_TAKES for seed in range(3)] == [_TIMING, _TIMING, 2 * _TIMING]
    assert one_board.end_of(short(3), True) == SHORT_TAKES


def test_who_shares_weights_that_are_trained_waits_for_them():
    timetable = Timetable(3, 1)
    end = timetable.end_of(LONG, True)
    assert timetable.end_of(QUANTIZED, True) == end - _JUDGING + _JUDGING
    assert timetable.end_of(SHORT, True) == SHORT_TAKES
