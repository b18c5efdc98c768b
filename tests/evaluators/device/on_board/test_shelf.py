"""Which files a board keeps."""

from evaluators.device.on_board.shelf import Shelf


def test_a_file_of_another_size_is_not_held() -> None:
    shelf = Shelf(100, {"a": 10})
    assert shelf.holds("a", 10)
    assert not shelf.holds("a", 9)
    assert not shelf.holds("b", 10)


def test_nothing_goes_while_there_is_room() -> None:
    assert Shelf(100, {"a": 40, "b": 40}).clear_for(20, keep=()) == []


def test_the_least_recently_used_go_first_and_no_more_than_needed() -> None:
    shelf = Shelf(100, {"a": 40, "b": 40, "c": 20})
    shelf.use("a", 40)
    assert shelf.clear_for(30, keep=()) == ["b"]
    assert not shelf.holds("b", 40)
    assert shelf.holds("a", 40)


def test_what_is_to_be_kept_stays_even_beyond_the_limit() -> None:
    assert Shelf(100, {"a": 60, "b": 40}).clear_for(90, keep={"a"}) == ["b"]
