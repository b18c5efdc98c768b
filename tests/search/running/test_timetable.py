"""The order in which trials end."""

from dataclasses import replace

from search.choosing.time_left import cost
from search.running.timetable import _BESIDE_EPOCHS, Timetable
from tests.search.made_up import recipe

SHORT, LONG = (replace(recipe(seed), epochs=epochs) for seed, epochs in ((0, 1), (1, 32)))
SHORT_ENDS, LONG_ENDS = (cost(each, each.epochs + _BESIDE_EPOCHS) for each in (SHORT, LONG))


def short(seed: int):
    return replace(SHORT, seed=seed)


def test_by_one_builder_trials_end_in_the_order_in_which_they_were_asked_for():
    timetable = Timetable(1)
    asked = [LONG, *map(short, range(10, 14)), replace(LONG, quantization="static_int8"), short(14)]
    ends = [timetable.end_of(each) for each in asked]
    assert ends == sorted(ends)
    # The quantized one has its weights by then.
    assert ends[5] == ends[4]


def test_by_several_short_ones_end_while_a_long_one_is_on_its_way():
    timetable = Timetable(2)
    ends = [timetable.end_of(each) for each in (LONG, short(10), short(11))]
    assert ends == [LONG_ENDS, SHORT_ENDS, 2 * SHORT_ENDS]
    # Who is asked for now begins no earlier than what was told before, though the second builder were free.
    timetable.told(LONG_ENDS)
    assert timetable.end_of(short(12)) == LONG_ENDS + SHORT_ENDS


def test_who_shares_weights_that_are_trained_waits_for_them():
    timetable = Timetable(3)
    end = timetable.end_of(LONG)
    assert timetable.end_of(replace(LONG, quantization="static_int8")) == end
    assert timetable.end_of(SHORT) == SHORT_ENDS
