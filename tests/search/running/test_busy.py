from concurrent.futures import Future
from types import SimpleNamespace

from search.running import busy as module
from search.running.busy import Busy


def test_tasks_at_the_same_time_count_once(monkeypatch):
    clock = iter(())
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    busy, first, second = Busy(), Future(), Future()
    # From 10 to 13 s, in which the second begins and the first ends, and from 20 to 21.5 s.
    clock = iter([10.0, 11.0, 12.0, 13.0, 20.0, 21.5])
    busy.until_done(first)
    busy.until_done(second)
    first.set_result(None)
    second.set_exception(ValueError())
    with busy:
        pass
    assert busy.seconds == 4.5
    assert busy.share(9.0) == 0.5


def test_each_of_several_places_counts_by_itself_and_no_more_than_there_are(monkeypatch):
    clock = iter([10.0, 11.0, 13.0, 16.0, 20.0, 25.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    busy, tasks = Busy(2), [Future() for _ in range(3)]
    for task in tasks:
        busy.until_done(task)
    for task in tasks:
        task.set_result(None)
    # One from 10 s on, two from 11 s to 20 s, though three wait from 13 s to 16 s; one until 25 s.
    assert busy.seconds == 1 + 2 * 9 + 5
    assert busy.share(15.0) == 24 / 30


def test_what_is_still_at_work_counts_until_now(monkeypatch):
    clock = iter([10.0, 12.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    busy = Busy()
    busy.until_done(Future())
    assert busy.seconds == 2.0
