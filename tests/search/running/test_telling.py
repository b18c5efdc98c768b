"""Which trial may be told next."""

from search.running.telling import Telling


def test_by_the_timetable_the_first_alone_may_end_else_whoever_is_done():
    assert Telling(by_timetable=True).may_end(["one", "other"]) == ["one"]
    assert Telling(by_timetable=False).may_end(["one", "other"]) == ["one", "other"]
    assert Telling(by_timetable=True).asks(["one"]) is None


def test_what_was_recorded_is_asked_and_told_in_its_order():
    telling = Telling(True, ["one", "other", "other", "one"])
    for on_their_way, asks, recipe_id in (
        ([], True, "one"),
        (["one"], True, "other"),
        (["one", "other"], False, "other"),
        (["one"], False, "one"),
    ):
        assert telling.asks(on_their_way) is asks
        if not asks:
            assert telling.may_end(on_their_way) == [recipe_id]
        telling.seen(recipe_id)
    assert telling.asks([]) is None


def test_a_run_that_asks_for_something_else_or_for_less_goes_on_by_its_own_rule():
    another = Telling(True, ["one", "other", "other", "one"])
    another.seen("third")
    assert another.asks(["third"]) is None
    fewer = Telling(True, ["one", "other", "other", "one"])
    fewer.seen("one")
    assert fewer.may_end(["one"]) == ["one"]
    assert fewer.asks([]) is None
