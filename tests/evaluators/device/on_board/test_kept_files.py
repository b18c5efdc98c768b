"""Which files a board keeps."""

from evaluators.device.on_board.kept_files import KeptFiles


def test_a_file_of_another_size_is_not_held() -> None:
    kept_files = KeptFiles(100, {"a": 10})
    assert kept_files.holds("a", 10)
    assert not kept_files.holds("a", 9)
    assert not kept_files.holds("b", 10)


def test_nothing_goes_while_there_is_room() -> None:
    assert KeptFiles(100, {"a": 40, "b": 40}).clear_for(20, keep=()) == []


def test_the_least_recently_used_go_first_and_no_more_than_needed() -> None:
    kept_files = KeptFiles(100, {"a": 40, "b": 40, "c": 20})
    kept_files.use("a", 40)
    assert kept_files.clear_for(30, keep=()) == ["b"]
    assert not kept_files.holds("b", 40)
    assert kept_files.holds("a", 40)


def test_what_is_to_be_kept_stays_even_beyond_the_limit() -> None:
    assert KeptFiles(100, {"a": 60, "b": 40}).clear_for(90, keep={"a"}) == ["b"]
